import type { App } from '../deployment/app.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import { html, type Html } from './html.ts'
import { shownDeployment, type AppLine } from './model.ts'
import {
  renderDeploymentStatus,
  renderNumber,
  renderOrigin,
  renderTime,
  renderVersion,
  toAppPath,
} from './words.ts'

const renderHolds = ({ freeze, quarantine, alarmsUntil, rollback, request }: Head): Html =>
  html`${freeze !== null && html`<p><b class="bad">frozen</b> ${freeze.reason} <small>by ${freeze.by}, ${renderTime(freeze.at)}</small></p>`}${rollback?.refusal === null && html`<p><b class="now">rollback requested</b> <small>by ${rollback.by}</small></p>`}${request?.refusal === null && html`<p><b class="now">deployment requested</b> <small>by ${request.by}</small></p>`}${alarmsUntil !== null && html`<p><small>An alarm may take it back until ${alarmsUntil.slice(11, 16)} UTC.</small></p>`}${quarantine.length > 0 && html`<p><small>${quarantine.length} in quarantine</small></p>`}`

const renderLine = ({ app: name, head }: AppLine, app: App): Html => {
  const live = liveRelease(head)
  const open = shownDeployment(head)
  return html`<li>
    <h2><a href="${toAppPath(name)}">${name}</a> <small>${app.environment}</small></h2>
    ${
      live === null
        ? html`<p class="dim">Nothing is live yet.</p>`
        : html`<p>
            ${renderNumber(name, live.generation)} ${renderVersion(app, live)}
            ${renderOrigin(live.origin)}
          </p>`
    }${
      open !== null &&
      html`<p>
        ${renderNumber(name, open.generation)} ${renderDeploymentStatus(open)}
        ${renderOrigin(open.release.origin)} <small>${renderTime(open.openedAt)}</small>
      </p>`
    }${renderHolds(head)}
  </li> `
}

/** Every app: what is live, what is open, and what holds it. */
export const renderOverview = (lines: readonly AppLine[], apps: readonly App[]): Html => {
  const known = new Map(apps.map((app) => [app.name, app]))
  const open = lines.filter(({ head }) => shownDeployment(head) !== null).map(({ app }) => app)
  const said = open.length === 0 ? 'No deployment is open.' : `Open: ${open.join(', ')}.`
  return html`<h1>Apps</h1>
    <p id="said" data-part role="status">${said}</p>
    <ul class="rows" id="apps" data-part>
      ${lines.flatMap((line) => {
        const app = known.get(line.app)
        return app === undefined ? [] : [renderLine(line, app)]
      })}
    </ul>`
}
