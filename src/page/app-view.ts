import type { App } from '../deployment/app.ts'
import { hasEnded, statusOf, type Deployment, type Ended } from '../deployment/deployment.ts'
import { liveRelease, type Head, type ObservedInstance } from '../deployment/head.ts'
import { secondsBetween, type Instant } from '../kernel/clock.ts'
import { listActions } from './actions.ts'
import { renderAction } from './confirm-view.ts'
import { html, type Html } from './html.ts'
import type { AppModel, WaitingLine } from './model.ts'
import { renderInstances } from './steps-view.ts'
import {
  renderDeploymentStatus,
  renderNumber,
  renderOrigin,
  renderReason,
  renderSince,
  renderTime,
  renderVersion,
  toAppPath,
  toCause,
  sayDuration,
} from './words.ts'

const renderHolding = ({ freeze, rollback, request, quarantine }: Head): Html =>
  html`${freeze !== null && html`<p class="box warn"><b class="bad">frozen</b> ${freeze.reason} <small>by ${freeze.by}, ${renderTime(freeze.at)}</small></p>`}${rollback !== null && html`<p class="box"><b class="${rollback.refusal === null ? 'now' : 'off'}">${rollback.kind} of #${rollback.generation}</b> requested by ${rollback.by}, ${renderTime(rollback.at)} ${renderReason(rollback.refusal)}</p>`}${request !== null && html`<p class="box"><b class="${request.refusal === null ? 'now' : 'off'}">deployment of ${request.revision?.slice(0, 14) ?? 'the live release'}</b> requested by ${request.by}, ${renderTime(request.at)} ${renderReason(request.refusal)}</p>`}${
    quarantine.length > 0 &&
    html`<details id="quarantine">
      <summary>In quarantine: ${quarantine.length}</summary>
      <ul>
        ${quarantine.map((entry) => html`<li><code>${typeof entry === 'string' ? entry : `${entry.digest} with one version of its secrets and settings`}</code></li>`)}
      </ul>
    </details>`
  }`

const countDone = ({ instances }: Deployment): number =>
  instances.filter(({ status }) => status !== 'pending' && status !== 'unseen').length

const sayOpen = ({ app, open, head }: AppModel): string => {
  if (open !== null) {
    const done = `${countDone(open)} of ${open.instances.length} instances answered`
    return `#${open.generation} is ${statusOf(open).replace('_', ' ')}: ${done}.`
  }
  const live = liveRelease(head)
  return live === null ? `${app.name}: nothing is live.` : `#${live.generation} is live.`
}

const renderOpen = ({ app, open, steps, lastSeconds }: AppModel): Html | null => {
  if (open === null) return null
  const { generation, release, openedAt } = open
  const last = lastSeconds === null ? null : html`, last time ${sayDuration(lastSeconds)}`
  const paused = open.phase === 'advancing' ? open.pausedUntil : null
  return html`<h2>Open: ${renderNumber(app.name, generation)} ${renderDeploymentStatus(open)}</h2>
    <p>
      ${renderVersion(app, release)} ${renderOrigin(release.origin)} <small>${toCause(open)}</small>
    </p>
    <p>
      ${hasEnded(open) ? null : html`${renderSince(openedAt)}${last}`}${paused !== null && html`, paused until ${paused.slice(11, 19)} UTC`}
    </p>
    ${open.phase !== 'advancing' && html`<p>${renderReason(open.reason)}</p>`}${open.message !== null && html`<p><code>${open.message}</code></p>`}
    ${renderInstances(open, steps)}`
}

/** A waiting commit that a person brings out. */
const renderBringOut = (app: App, { id, reason }: WaitingLine): Html | null =>
  reason === 'manual'
    ? renderAction(app, { name: 'redeploy', from: null, to: null, revision: id })
    : null

const renderWaiting = ({ app, waiting }: AppModel, mayOperate: boolean): Html =>
  html`<h2>Waiting</h2>
    ${waiting.length === 0 ? html`<p class="dim">No commit waits.</p>` : null}
    <ul class="rows">
      ${waiting.map(
        (line) =>
          html`<li>
            <code>${line.id.slice(0, 14)}</code> ${renderOrigin(line.origin)}
            <small>${renderTime(line.since)}</small>
            <p>
              ${line.lacks.length > 0 ? html`lacks: ${line.lacks.join(', ')}` : renderReason(line.reason)}
            </p>
            ${mayOperate && renderBringOut(app, line)}
          </li> `,
      )}
    </ul>`

/** More are counted only. */
const shownPlaces = 50

const renderPlace = (head: Head, { id, generation, at, reason }: ObservedInstance): Html => {
  const isUpToDate = generation === liveRelease(head)?.generation
  const serves = generation === null ? 'unknown' : `serves #${generation}`
  return html`<li>
    ${id} <b class="${isUpToDate ? 'ok' : 'bad'}">${serves}</b>
    <small>${renderTime(at)}</small> ${isUpToDate ? null : renderReason(reason)}
  </li> `
}

const renderLive = ({ app, head }: AppModel): Html => {
  const live = liveRelease(head)
  if (live === null)
    return html`<h2>Live</h2>
      <p class="dim">Nothing is live yet.</p>`
  const { observed } = head
  const late = observed.filter(({ generation }) => generation !== live.generation)
  const shown = [...late, ...observed.filter((one) => !late.includes(one))].slice(0, shownPlaces)
  return html`<h2>Live: ${renderNumber(app.name, live.generation)}</h2>
    <p>${renderVersion(app, live)} ${renderOrigin(live.origin)}</p>
    <ul class="rows">
      ${shown.map((one) => renderPlace(head, one))}${observed.length > shownPlaces && html`<li class="dim">and ${observed.length - shownPlaces} more</li>`}
    </ul>`
}

const renderPast = (app: App, ended: Ended): Html => {
  const { generation, release, openedAt, endedAt, rolledBackBy } = ended
  const seconds = secondsBetween(openedAt, endedAt)
  return html`<li>
    ${renderNumber(app.name, generation)} ${renderDeploymentStatus(ended)}
    ${renderVersion(app, release)} ${renderOrigin(release.origin)} <br /><small
      >${toCause(ended)}, ${renderTime(openedAt)}, took
      ${sayDuration(seconds)}${rolledBackBy !== null && rolledBackBy !== generation && html`, taken back by ${renderNumber(app.name, rolledBackBy)}`}</small
    >
    ${ended.status === 'succeeded' ? null : html`<br />${renderReason(ended.reason)}`}
  </li> `
}

export const renderHistory = ({ app, history, before, hasOlder }: AppModel): Html => {
  const oldest = history.at(-1)?.generation
  return html`<h2>History</h2>
    ${history.length === 0 ? html`<p class="dim">No deployment has ended yet.</p>` : null}
    <ol class="rows">
      ${history.map((ended) => renderPast(app, ended))}
    </ol>
    <p>
      ${before !== null && html`<a href="${toAppPath(app.name)}">Newest</a> `}${hasOlder && oldest !== undefined && html`<a href="${toAppPath(app.name)}?before=${oldest}">Older</a>`}
    </p>`
}

/** One app: what holds it, what is open, what waits, what is live and what was. */
export const renderApp = (model: AppModel, mayOperate: boolean, now: Instant): Html => {
  const { app, head } = model
  const actions = mayOperate ? listActions(head, now) : []
  return html`<h1>${app.name} <small>${app.environment}</small></h1>
    <p id="said" data-part role="status">${sayOpen(model)}</p>
    <section id="holds" data-part>${renderHolding(head)}</section>
    <section id="do" data-part aria-label="Actions">
      <div class="do">${actions.map((one) => renderAction(app, one))}</div>
    </section>
    <section id="open" data-part>${renderOpen(model)}</section>
    <section id="waiting" data-part>${renderWaiting(model, mayOperate)}</section>
    <section id="live" data-part>${renderLive(model)}</section>
    <section id="history" data-part>${renderHistory(model)}</section>`
}
