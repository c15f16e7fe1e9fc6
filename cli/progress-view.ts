import type { DeploymentAnswer } from '../src/answers/status.ts'
import { listProgressChanges, renderChange, type Change } from './changes.ts'
import type { AimState } from './follow.ts'
import { renderJsonLine } from './json.ts'
import { renderInstanceLines, renderVerdict } from './render/deployment.ts'
import type { Paint, Terminal } from './terminal.ts'
import { markStatus, nameRelease, safe, secondsFrom, renderDuration } from './text.ts'

/** What is shown of a deployment on a terminal: lines that stay from now on, and a block that is drawn over. */
interface Picture {
  readonly stay: readonly string[]
  readonly block: readonly string[]
}

interface Situation {
  readonly app: string
  readonly stage: string
  readonly paint: Paint
  readonly now: number
  /** The block must leave room on the screen. */
  readonly rows: number
  /** How long the last one took. */
  readonly lastSeconds: number | null
}

const isOpen = (status: string): boolean => status === 'pending' || status === 'unseen'

const renderHeader = (deployment: DeploymentAnswer, { app, stage, paint }: Situation): string =>
  `${paint('bold', `${safe(app, 60)} · ${safe(stage, 60)}`)}  ${nameRelease(deployment)}`

const renderClock = (deployment: DeploymentAnswer, situation: Situation): string => {
  const { paint, now, lastSeconds } = situation
  const took = renderDuration(secondsFrom(deployment.openedAt, now))
  const last = lastSeconds === null ? '' : ` (last time ${renderDuration(lastSeconds)})`
  const paused =
    deployment.pausedUntil === null ? '' : `, pauses until ${safe(deployment.pausedUntil, 40)}`
  const message = deployment.message === null ? '' : `  ${safe(deployment.message)}`
  return `${markStatus(deployment.status, paint)}  ${took}${last}${paused}${message}`
}

/** What is new stays; the instances that are left, and the clock, are the block. */
export const toPicture = (
  before: DeploymentAnswer | null,
  after: DeploymentAnswer,
  situation: Situation,
): Picture => {
  const { paint, rows } = situation
  const done = (deployment: DeploymentAnswer | null): ReadonlySet<string> =>
    new Set(deployment?.instances.filter(({ status }) => !isOpen(status)).map(({ id }) => id))
  const shown = done(before)
  const fresh = after.instances.filter(({ id, status }) => !isOpen(status) && !shown.has(id))
  const header = before === null ? [renderHeader(after, situation)] : []
  const stay = [...header, ...fresh.flatMap((one) => renderInstanceLines(after, one, paint))]
  if (after.endedAt !== null)
    return { stay: [...stay, ...renderVerdict(after, situation)], block: [] }
  const left = after.instances.filter(({ status }) => isOpen(status))
  const room = Math.max(1, rows - 4)
  const lines = left
    .slice(0, room)
    .flatMap((one) => renderInstanceLines(after, one, paint).slice(-1))
  const more = left.length > room ? [`… and ${left.length - room} more`] : []
  return { stay, block: [...lines, ...more, renderClock(after, situation)] }
}

export interface ProgressView {
  readonly show: (look: AimState) => void
  /** The clock goes on: with the looks, one each second, three times a second at most. */
  readonly tick: () => void
  readonly wait: (what: string) => void
}

export interface ProgressViewParts extends Pick<Situation, 'app' | 'stage' | 'lastSeconds'> {
  readonly terminal: Terminal
  readonly isJson: boolean
  readonly now: () => number
}

/** Told as lines: to a log, and as JSON where that is asked for. */
const createTellChange =
  ({ terminal, isJson }: ProgressViewParts) =>
  (change: Change): void => {
    if (isJson) terminal.print([renderJsonLine(change)])
    if (!terminal.isDrawing) terminal.say(renderChange(change))
  }

/** Shows each look: drawn on a terminal, as a line for each change elsewhere. */
export const createProgressView = (parts: ProgressViewParts): ProgressView => {
  const { terminal, now, app } = parts
  const tell = createTellChange(parts)
  const paint = terminal.paint.err
  let before: DeploymentAnswer | null = null
  let waitedFor = ''
  const draw = (deployment: DeploymentAnswer): void => {
    const situation = { ...parts, paint, now: now(), rows: terminal.rows() }
    const { stay, block } = toPicture(before, deployment, situation)
    terminal.draw(stay, block)
  }
  const wait = (what: string): void => {
    const at = new Date(now()).toISOString()
    if (what !== waitedFor) tell({ at, app, generation: null, what: 'waiting', status: what })
    waitedFor = what
    terminal.draw([], [paint('cyan', `○ waiting: ${safe(what, 500)}`)])
  }
  const showFound = (deployment: DeploymentAnswer): void => {
    if (before?.generation !== deployment.generation) before = null
    const at = new Date(now()).toISOString()
    for (const change of listProgressChanges(app, before, deployment, at)) tell(change)
    draw(deployment)
    if (!terminal.isDrawing && deployment.endedAt !== null && deployment.status !== 'succeeded')
      for (const line of renderVerdict(deployment, { paint, now: now() })) terminal.say(line)
    before = deployment
  }
  return {
    wait,
    tick: () => {
      if (before !== null && before.endedAt === null) draw(before)
    },
    show: (look) => {
      if (look.kind === 'waiting') wait(look.what)
      else if (look.kind === 'found') showFound(look.deployment)
      else terminal.draw([], [])
    },
  }
}
