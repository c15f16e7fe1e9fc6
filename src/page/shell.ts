import { assets } from './assets.ts'
import { html, type Html } from './html.ts'
import type { PageSession } from './access.ts'

/** A page that asks for itself again: how soon, and by which ETag. */
interface Polled {
  readonly seconds: number
  readonly etag: string
}

interface Shell {
  readonly stage: string
  readonly title: string
  /** Null: nobody is signed in. */
  readonly session: PageSession | null
  readonly polled: Polled | null
  readonly body: Html
}

const renderSession = ({ by, role }: PageSession): Html =>
  html`<form action="/leave" method="post">
    <small>${by}, ${role === 'view' ? 'view only' : 'operator'}</small>
    <button class="link" id="leave">Sign out</button>
  </form>`

export const renderShell = ({ stage, title, session, polled, body }: Shell): Html => {
  const { style, script, icon } = assets()
  const poll = polled !== null && html` data-poll="${polled.seconds}" data-etag="${polled.etag}"`
  return html`<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>${title} · Landfall ${stage}</title>
<link rel="icon" href="${icon.path}" type="image/svg+xml" />
<link rel="stylesheet" href="${style.path}" />
<script src="${script.path}" defer></script>
</head>
<body>
<header><nav aria-label="Apps"><a href="/">Landfall</a> <small>${stage}</small></nav>${session !== null && renderSession(session)}</header>
<main${poll}>
<p id="stale" class="box warn" role="alert" hidden>The page cannot be reached. What it shows may be old.</p>
${body}
</main>
<footer>${polled !== null && html`<noscript>Reload the page to see what is new.</noscript>`}</footer>
</body>
</html>
`
}
