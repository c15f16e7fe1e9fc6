import { hasEnded, type Release } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import { findRollback } from './actions.ts'
import { renderAction } from './confirm-view.ts'
import { html, type Html } from './html.ts'
import { isLive, type DeploymentModel } from './model.ts'
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

/** The names of what differs from the release before; no value of it. */
const listChanges = (release: Release, before: Release): readonly string[] => {
  const { env } = release.settings
  const old = before.settings.env
  const names = [...new Set([...Object.keys(env), ...Object.keys(old)])].toSorted()
  const isSame =
    JSON.stringify(release.settings.targets) === JSON.stringify(before.settings.targets)
  return [
    ...(release.digest === before.digest ? [] : ['image']),
    ...(release.secretVersion === before.secretVersion ? [] : ['secrets']),
    ...(isSame ? [] : ['settings of the targets']),
    ...names.filter((name) => env[name] !== old[name]).map((name) => `env ${name}`),
  ]
}

const findBefore = ({ releases }: Head, generation: Generation): Release | null =>
  releases.find((one) => one.generation < generation) ?? null

const renderFact = (name: string, fact: Html | string): Html =>
  html`<dt>${name}</dt>
    <dd>${fact}</dd>`

const renderChanges = ({ head, deployment }: DeploymentModel): Html | null => {
  const before = findBefore(head, deployment.generation)
  if (before === null) return null
  const changes = listChanges(deployment.release, before)
  const told = changes.length === 0 ? 'nothing' : changes.join(', ')
  return renderFact(`changed since #${before.generation}`, told)
}

/** What some deployments have and others not. */
const listRelations = ({ app, head, deployment }: DeploymentModel): readonly Html[] => {
  const { generation, kind, release, sentAt, takesBack } = deployment
  const back = hasEnded(deployment) ? deployment.rolledBackBy : null
  const { promotedFrom: from, settings } = release
  const hasPredeploy = settings.targets.some(({ predeploy }) => predeploy !== null)
  const ranPredeploy = hasPredeploy && kind !== 'rollback' && sentAt !== null
  return [
    takesBack === null ? null : renderFact('takes back', renderNumber(app.name, takesBack)),
    back === null || back === generation
      ? null
      : renderFact('taken back by', renderNumber(app.name, back)),
    from === null ? null : renderFact('promoted from', `${from.app} #${from.generation}`),
    ranPredeploy
      ? renderFact('predeploy', 'ran, such as a migration; a rollback does not undo it')
      : null,
    isLive(head, generation) ? renderFact('now', html`<b class="ok">live</b>`) : null,
  ].filter((fact) => fact !== null)
}

const renderFacts = (model: DeploymentModel): Html => {
  const { app, deployment } = model
  const { release, openedAt } = deployment
  const took = hasEnded(deployment) ? secondsBetween(openedAt, deployment.endedAt) : null
  return html`<dl>
    ${[
      renderFact('commit', html`${renderVersion(app, release)} ${renderOrigin(release.origin)}`),
      renderFact('image', html`<code>${release.digest}</code>`),
      renderFact('why', toCause(deployment)),
      renderFact('opened', renderTime(openedAt)),
      took === null
        ? renderFact('goes on', renderSince(openedAt))
        : renderFact('took', sayDuration(took)),
      ...listRelations(model),
    ]}${renderChanges(model)}
  </dl>`
}

/** One deployment: why, from where to where, how long, and the answers of each instance. */
export const renderDeployment = (
  model: DeploymentModel,
  mayOperate: boolean,
  now: Instant,
  logUrl: string | null,
): Html => {
  const { app, head, deployment, steps } = model
  const { generation, message } = deployment
  const reason = deployment.phase === 'advancing' ? null : deployment.reason
  const isKept = head.releases.some((release) => release.generation === generation)
  const action =
    mayOperate && isKept && !isLive(head, generation) ? findRollback(head, generation, now) : null
  return html`<p><a href="${toAppPath(app.name)}">${app.name}</a></p>
    <h1>#${generation} ${renderDeploymentStatus(deployment)}</h1>
    <p id="said" data-part role="status">${renderReason(reason)}</p>
    <section id="why" data-part>
      ${message !== null && html`<p><code>${message}</code></p>`}
    </section>
    <section id="facts" data-part>${renderFacts(model)}</section>
    ${logUrl !== null && html`<p><a href="${logUrl}">What reconcile logged about it</a> <small>in AWS</small></p>`}
    <section id="do" data-part aria-label="Actions">
      <div class="do">${action !== null && renderAction(app, action)}</div>
    </section>
    <section id="instances" data-part>
      <h2>Instances</h2>
      ${renderInstances(deployment, steps)}
    </section>`
}
