import type { DeploymentAnswer, HistoryAnswer, StepsAnswer } from '../../src/answers/status.ts'
import { isKnownReason, sentenceOf } from './reason.ts'
import type { Paint } from '../terminal.ts'
import {
  markStatus,
  markStep,
  nameRelease,
  safe,
  renderTable,
  secondsFrom,
  toAge,
  renderDuration,
} from '../text.ts'

interface DeploymentView {
  readonly paint: Paint
  readonly now: number
}

/** The newest first. */
export const renderHistoryLines = (
  { deployments }: HistoryAnswer,
  { paint, now }: DeploymentView,
): readonly string[] =>
  deployments.length === 0
    ? ['nothing was deployed yet']
    : renderTable(
        deployments.map((one) => [
          markStatus(one.status, paint),
          nameRelease(one),
          one.kind + (one.takesBack === null ? '' : ` of #${one.takesBack}`),
          `by ${safe(one.by, 60)}`,
          toAge(one.openedAt, now),
          one.endedAt === null ? '' : renderDuration(secondsFrom(one.openedAt, one.endedAt)),
          one.status === 'succeeded' || one.reason === null ? '' : safe(one.reason, 60),
        ]),
      )

/** `i-0123…def0` */
export const shortInstance = (id: string): string =>
  id.length <= 16 ? id : `${id.slice(0, 6)}…${id.slice(-4)}`

const renderRecordLines = ({ instance, purpose, steps }: StepsAnswer, paint: Paint): string => {
  const what = purpose === 'deploy' ? '' : `${safe(purpose, 20)}: `
  const marks = steps.map((step) => markStep(step, paint)).join('  ')
  return `${shortInstance(safe(instance, 80))}  ${what}${marks}`
}

/** The line of an instance: its last command that had steps. */
export const renderInstanceLines = (
  { steps }: DeploymentAnswer,
  { id, status, reason }: DeploymentAnswer['instances'][number],
  paint: Paint,
): readonly string[] => {
  const records = steps.filter((one) => one.instance === id && one.steps.length > 0)
  const told = records.filter(({ purpose }) => purpose !== 'prepare')
  const lines = told.map((one) => renderRecordLines(one, paint))
  if (lines.length > 0) return lines
  return [
    `${shortInstance(safe(id, 80))}  ${safe(status, 20)}${reason === null ? '' : ` (${safe(reason, 60)})`}`,
  ]
}

const tailLines = 20

/** The last lines that the first failing instance printed. */
const renderTailLines = ({ steps }: DeploymentAnswer): readonly string[] => {
  const tail = steps.find((one) => (one.tail ?? []).length > 0)?.tail ?? []
  return tail
    .slice(-tailLines)
    .map((line, index) => `             ${index === 0 ? 'tail: ' : '      '}${safe(line, 500)}`)
}

const describeLeft = (deployment: DeploymentAnswer): string => {
  const serving = new Set(
    deployment.instances.flatMap(({ serving }) => (serving === null ? [] : [serving.generation])),
  )
  const others = [...serving].filter((number) => number !== deployment.generation)
  return others.length === 1 ? ` #${others[0]} serves.` : ''
}

/** How it ended, its cause and what to do about it. */
export const renderVerdict = (
  deployment: DeploymentAnswer,
  { paint, now }: DeploymentView,
): readonly string[] => {
  const { status, reason, message, openedAt, endedAt, rolledBackBy, generation } = deployment
  const took = renderDuration(secondsFrom(openedAt, endedAt ?? now))
  const mark = markStatus(status, paint)
  if (status === 'succeeded') return [`${mark}  #${generation} is live  ${took}`]
  const by = rolledBackBy !== null && rolledBackBy !== generation ? ` by #${rolledBackBy}` : ''
  const why = safe(message ?? (reason === null ? '' : sentenceOf(reason)), 1000)
  const code = safe(reason ?? '', 60)
  return [
    `${mark}${by}  ${code}: ${why}${describeLeft(deployment)}  ${took}`,
    ...renderTailLines(deployment),
    ...(isKnownReason(code) ? [`             do:   docs/reasons.md#${code}`] : []),
  ]
}

/** One deployment with the steps of each instance. */
export const renderDeploymentLines = (
  app: string,
  deployment: DeploymentAnswer,
  view: DeploymentView,
): readonly string[] => {
  const { kind, by, openedAt, origin, promotedFrom, takesBack, ranPredeploy } = deployment
  const detail = [
    `${kind}${takesBack === null ? '' : ` of #${takesBack}`} by ${safe(by, 100)}`,
    safe(openedAt, 40),
    ...(promotedFrom === null
      ? []
      : [`promoted from ${safe(promotedFrom.app, 60)} #${promotedFrom.generation}`]),
    ...(ranPredeploy ? ['ran predeploy: no rollback undoes that'] : []),
  ]
  return [
    `${view.paint('bold', safe(app, 60))}  ${nameRelease(deployment)}`,
    `             ${detail.join(', ')}`,
    ...(origin?.runUrl ? [`             ${safe(origin.runUrl)}`] : []),
    ...deployment.instances.flatMap((one) => renderInstanceLines(deployment, one, view.paint)),
    ...(deployment.endedAt === null
      ? [markStatus(deployment.status, view.paint)]
      : renderVerdict(deployment, view)),
  ]
}
