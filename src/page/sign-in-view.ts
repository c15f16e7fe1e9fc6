import { html, type Html } from './html.ts'
import { renderShell } from './shell.ts'

const signInForms = {
  open: { title: 'Open the page', told: 'The link opens the page once, in this browser.' },
  signed_out: {
    title: 'Sign in',
    told: 'The page opens with a one-time link, which an operator makes with the command below.',
  },
  spent: {
    title: 'The link opens nothing',
    told: 'It was used before, is older than five minutes, or is not whole. Ask for another one.',
  },
}

/** The same for everybody: nothing is read for it. The script fills the field from the link's fragment. */
export const renderSignIn = (stage: string, kind: keyof typeof signInForms): Html => {
  const { title, told } = signInForms[kind]
  const body = html`<h1>${title}</h1>
    <p>${told}</p>
    <form action="/open" method="post">
      <label for="token">The link, or what stands behind its #</label>
      <input
        id="token"
        name="token"
        autocomplete="off"
        spellcheck="false"
        required
        maxlength="300"
      />
      <p class="do"><button id="spend">Open the page</button></p>
    </form>
    <p class="dim">A link comes from <code>npx sls invoke -f open --stage ${stage}</code>.</p>`
  return renderShell({ stage, title, session: null, polled: null, body })
}

/** For everything that ends with a sentence. */
export const renderSentence = (
  stage: string,
  title: string,
  told: readonly string[],
  back: string,
): Html => {
  const body = html`<h1>${title}</h1>
    ${told.map((line) => html`<p>${line}</p>`)}
    <p><a href="${back}">Back</a></p>`
  return renderShell({ stage, title, session: null, polled: null, body })
}
