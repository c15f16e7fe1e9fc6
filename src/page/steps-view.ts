import type { Deployment, InstanceState } from '../deployment/deployment.ts'
import type { StepRecord } from '../deployment/step.ts'
import { html, lineBreak, type Html } from './html.ts'
import { renderReason, renderStatus, sayDuration } from './words.ts'

/** More are counted only: a fleet has up to a thousand. */
const shownInstances = 50
const shownTailLines = 200
const shownTailCharacters = 300

type ShownStep = StepRecord['steps'][number]

const renderStep = ({ name, status, milliseconds }: ShownStep): Html => {
  const took = milliseconds === null ? null : html` ${sayDuration(milliseconds / 1000)}`
  return status === 'succeeded'
    ? html`<li>✔ ${name}${took}</li>`
    : html`<li>${name} ${renderStatus(status)}${took}</li>`
}

const renderTail = (tail: readonly string[], id: string): Html => {
  const lines = tail.slice(-shownTailLines)
  const output = lines.map((line) => [line.slice(0, shownTailCharacters), lineBreak])
  const textId = `${id}-text`
  return html`<details id="${id}">
    <summary>The last ${lines.length} lines of its output</summary>
    <pre tabindex="0" role="region" aria-label="Output" id="${textId}">${output}</pre>
    <button data-copy="${textId}" hidden>Copy</button>
  </details>`
}

const renderRecord = (record: StepRecord, at: number): Html => {
  const { purpose, outcome, reason, message, steps, tail } = record
  const id = `tail-${record.instance}-${record.fence}-${at}`
  return html`<li>
    ${purpose} ${renderStatus(outcome)}
    ${renderReason(outcome === 'succeeded' ? null : reason)}${message !== null && html`<p><code>${message}</code></p>`}
    <ol class="steps">
      ${steps.map(renderStep)}
    </ol>
    ${tail.length > 0 && renderTail(tail, id)}
  </li>`
}

const renderInstance = (
  { id, wave, status, reason, serving }: InstanceState,
  records: readonly StepRecord[],
): Html =>
  html`<li>
    <h3>${id} ${renderStatus(status)}</h3>
    <p class="dim">
      wave ${wave + 1}${serving !== null && html`, serves #${serving.generation}`}
      ${status === 'succeeded' ? null : renderReason(reason)}
    </p>
    ${
      records.length > 0 &&
      html`<ol class="rows">
        ${records.map(renderRecord)}
      </ol>`
    }
  </li> `

/** What failed comes first, then what is under way. */
const instanceRanks: Readonly<Partial<Record<InstanceState['status'], number>>> = {
  failed: 0,
  lost: 0,
  unknown: 0,
  pending: 1,
  unseen: 1,
}

/** Each instance of a deployment, with the steps of every command that it has answered. */
export const renderInstances = (
  { instances }: Deployment,
  records: readonly StepRecord[],
): Html => {
  const sorted = instances.toSorted(
    (one, other) => (instanceRanks[one.status] ?? 2) - (instanceRanks[other.status] ?? 2),
  )
  const rest = sorted.length - shownInstances
  return html`<ul class="rows">
    ${sorted.slice(0, shownInstances).map((one) =>
      renderInstance(
        one,
        records.filter(({ instance }) => instance === one.id),
      ),
    )}${rest > 0 && html`<li class="dim">and ${rest} more</li>`}
  </ul>`
}
