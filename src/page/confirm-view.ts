import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import type { Generation } from '../kernel/id.ts'
import type { PageAction } from './actions.ts'
import { html, type Html } from './html.ts'
import { renderOrigin, renderVersion, toAppPath } from './words.ts'

const toAim = (to: Generation | null): string => (to === null ? 'nothing' : `#${to}`)

/** Both ends stand on the button: which deployment goes, and what serves then. */
export const labelOf = ({ name, from, to, revision }: PageAction): string => {
  switch (name) {
    case 'rollback':
      return `Roll back #${from ?? 0} → ${toAim(to)}`
    case 'redeploy':
      return revision === null ? `Deploy #${from ?? 0} again` : `Deploy ${revision.slice(0, 14)}`
    case 'freeze':
      return 'Freeze'
    case 'unfreeze':
      return 'Unfreeze'
    case 'cancel':
      return from === null ? 'Cancel the request' : `Cancel #${from}`
  }
}

/** Leads to the page that asks; only the form there does it. */
export const renderAction = (app: App, action: PageAction): Html => {
  const { name, to, revision } = action
  const isDanger = name === 'rollback' || name === 'cancel'
  return html`<form action="${toAppPath(app.name)}" method="get">
    ${to !== null && html`<input type="hidden" name="to" value="${to}" />`}${revision !== null && html`<input type="hidden" name="revision" value="${revision}" />`}<button
      name="do"
      value="${name}"
      id="do-${name}-${to ?? revision ?? ''}"
      ${isDanger && html` class="danger"`}
    >
      ${labelOf(action)}
    </button>
  </form>`
}

const warnings: Readonly<Record<PageAction['name'], string>> = {
  rollback:
    'What is taken back goes into quarantine: only a redeploy with force brings it out again.',
  redeploy: 'It runs in a new container, with the settings and secrets of now.',
  freeze: 'Nothing is deployed by itself until it is unfrozen. A rollback still works.',
  unfreeze: 'The newest waiting commit is deployed, unless it waits for a person.',
  cancel: 'What it has changed is restored to what is live.',
}

/** Whether what is taken back may have changed a database, which stays as it is. */
const didPredeploy = (head: Head, generation: Generation | null): boolean => {
  const { deployment, releases } = head
  const all = deployment === null ? releases : [deployment.release, ...releases]
  return all.some(
    (release) =>
      release.generation === generation &&
      release.settings.targets.some(({ predeploy }) => predeploy !== null),
  )
}

const renderEnd = (app: App, head: Head, title: string, generation: Generation | null): Html => {
  const { deployment, releases } = head
  const all = deployment === null ? releases : [deployment.release, ...releases]
  const release = all.find((one) => one.generation === generation)
  return html`<dt>${title}</dt>
    <dd>
      ${generation === null ? 'nothing' : html`#${generation}`}
      ${release !== undefined && html`${renderVersion(app, release)} ${renderOrigin(release.origin)}`}
    </dd>`
}

const renderReasonField = html`<label for="reason">Why, for everybody who looks</label>
  <input id="reason" name="reason" required maxlength="300" autocomplete="off" />`

/** Asks once more, with both ends; the same with and without a script. */
export const renderConfirm = (app: App, head: Head, action: PageAction, nonce: string): Html => {
  const { name, from, to, revision } = action
  const label = labelOf(action)
  return html`<h1>${app.name}: ${label}?</h1>
    ${from !== null && html`<dl>${renderEnd(app, head, name === 'redeploy' ? 'again' : 'goes', from)}${name === 'rollback' && renderEnd(app, head, 'serves then', to)}</dl>`}
    <p>${warnings[name]}</p>
    ${(name === 'rollback' || name === 'cancel') && didPredeploy(head, from) && html`<p class="box warn">It ran its predeploy, such as a migration: the database stays as it is.</p>`}
    <form action="${toAppPath(app.name)}" method="post">
      <input type="hidden" name="do" value="${name}" /><input
        type="hidden"
        name="nonce"
        value="${nonce}"
      /><input type="hidden" name="from" value="${String(from)}" /><input
        type="hidden"
        name="to"
        value="${String(to)}"
      /><input type="hidden" name="revision" value="${String(revision)}" />
      ${name === 'freeze' && renderReasonField}
      <p class="do">
        <button id="confirm" ${(name === 'rollback' || name === 'cancel') && html` class="danger"`}>
          ${label}
        </button>
      </p>
    </form>
    <p><a href="${toAppPath(app.name)}">Do nothing</a></p>`
}
