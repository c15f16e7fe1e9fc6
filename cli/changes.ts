import type { DeploymentAnswer, StepsAnswer } from '../src/answers/status.ts'
import { shortInstance } from './render/deployment.ts'
import { nameRelease, safe, secondsFrom, renderDuration } from './text.ts'

/** Something new about a deployment, or about what it waits for: a line of a log, and of `--json`. */
export interface Change {
  readonly at: string
  readonly app: string
  /** Null while nothing is open. */
  readonly generation: number | null
  readonly what: 'waiting' | 'opened' | 'step' | 'instance' | 'ended'
  /** `succeeded`, `in_progress`; of `waiting` what is waited for. */
  readonly status: string
  readonly instance?: string
  readonly purpose?: string
  readonly step?: string
  readonly seconds?: number
  readonly reason?: string
  readonly message?: string
}

const keyOf = ({ instance, purpose, steps }: StepsAnswer, name: string): string =>
  `${instance} ${purpose} ${name} ${steps.find((one) => one.name === name)?.status}`

const listShownSteps = (
  deployment: DeploymentAnswer | null,
): readonly (readonly [string, StepsAnswer, StepsAnswer['steps'][number]])[] =>
  (deployment?.steps ?? []).flatMap((record) =>
    record.steps
      .filter(({ status }) => status !== 'pending')
      .map((step) => [keyOf(record, step.name), record, step] as const),
  )

const toInstanceChanges = (
  before: DeploymentAnswer | null,
  { instances }: DeploymentAnswer,
): readonly Pick<Change, 'what' | 'status' | 'instance' | 'reason' | 'message'>[] => {
  const known = new Map(before?.instances.map(({ id, status }) => [id, status]))
  return instances
    .filter(({ id, status }) => status !== (known.get(id) ?? 'pending'))
    .map(({ id, status, reason, message }) => ({
      what: 'instance' as const,
      instance: id,
      status,
      ...(reason !== null && { reason }),
      ...(message !== null && { message }),
    }))
}

type Of = Pick<Change, 'at' | 'app' | 'generation'>

const toStepChanges = (
  before: DeploymentAnswer | null,
  after: DeploymentAnswer,
  of: Of,
): readonly Change[] => {
  const seen = new Set(listShownSteps(before).map(([key]) => key))
  return listShownSteps(after)
    .filter(([key]) => !seen.has(key))
    .map(([, { instance, purpose }, { name: step, status, seconds }]) => ({
      ...of,
      what: 'step',
      instance,
      purpose,
      step,
      status,
      ...(seconds !== null && { seconds }),
    }))
}

const toEnding = (after: DeploymentAnswer, of: Of): readonly Change[] => {
  const { reason, message, status, openedAt, endedAt } = after
  if (endedAt === null) return []
  const seconds = secondsFrom(openedAt, endedAt)
  const why = { ...(reason !== null && { reason }), ...(message !== null && { message }) }
  return [{ ...of, at: endedAt, what: 'ended', status, seconds, ...why }]
}

/** What is new since the deployment was last seen; null: it was not seen yet. */
export const listProgressChanges = (
  app: string,
  before: DeploymentAnswer | null,
  after: DeploymentAnswer,
  at: string,
): readonly Change[] => {
  const of = { at, app, generation: after.generation }
  const { status, openedAt } = after
  const opened: readonly Change[] =
    before === null
      ? [{ ...of, at: openedAt, what: 'opened', status, message: nameRelease(after) }]
      : []
  return [
    ...opened,
    ...toStepChanges(before, after, of),
    ...toInstanceChanges(before, after).map((one) => ({ ...of, ...one })),
    ...(before?.endedAt === after.endedAt ? [] : toEnding(after, of)),
  ]
}

const renderWhat = ({ what, status, instance, step, purpose }: Change): string => {
  const where = instance === undefined ? '' : `${shortInstance(safe(instance, 80))} `
  const of = purpose === undefined || purpose === 'deploy' ? '' : `${safe(purpose, 20)} `
  switch (what) {
    case 'step':
      return `${where}${of}${safe(step ?? '', 40)} ${safe(status, 20)}`
    case 'instance':
      return `${where}${safe(status, 20)}`
    case 'opened':
      return 'opened'
    case 'ended':
      return safe(status, 20)
    case 'waiting':
      return `waiting: ${safe(status, 500)}`
  }
}

/** `2026-11-29T14:27:48Z oc-lettings #42 i-0123 pull succeeded 6.1s` */
export const renderChange = (change: Change): string => {
  const { at, app, generation, seconds, reason, message, what } = change
  const time =
    seconds === undefined
      ? ''
      : ` ${what === 'ended' ? renderDuration(seconds) : `${seconds.toFixed(1)}s`}`
  const number = generation === null ? '' : ` #${generation}`
  const why = [reason, message].filter((one) => one !== undefined).map((one) => safe(one, 500))
  const shown =
    what === 'opened'
      ? ` ${safe(message ?? '', 300)}`
      : why.length > 0
        ? ` (${why.join(': ')})`
        : ''
  return `${at.replace(/\.\d+Z$/, 'Z')} ${safe(app, 60)}${number} ${renderWhat(change)}${time}${shown}`
}
