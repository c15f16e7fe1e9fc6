import { AppAnswer, HistoryAnswer, RevisionAnswer } from '../../src/answers/status.ts'
import { Refused } from '../call.ts'
import { exitCodes, usageError, type ExitCode } from '../exit.ts'
import {
  followAim,
  loadProgress,
  makePatient,
  type Aim,
  type FollowPorts,
  type AimState,
} from '../follow.ts'
import { createProgressView, type ProgressView } from '../progress-view.ts'
import { sentenceOf } from '../render/reason.ts'
import { appOf, type Session } from '../session.ts'
import { nameRelease, safe, secondsFrom, shortRevision } from '../text.ts'

type WatchVerdict = Exclude<AimState, { kind: 'waiting' }>

export const toFollowPorts = ({ call, desk }: Session): FollowPorts => ({
  call,
  wait: (milliseconds) => desk.wait(milliseconds),
})

/** How long the last one that succeeded took: no more than a hint. */
const loadLastSeconds = async ({ call }: Session, app: string): Promise<number | null> => {
  const { answer } = await call('status', { app, view: 'history', limit: 5 }, HistoryAnswer)
  const last = answer.deployments.find(({ status }) => status === 'succeeded')
  return last?.endedAt ? secondsFrom(last.openedAt, last.endedAt) : null
}

export interface Watching {
  readonly app: string
  readonly view: ProgressView
  readonly end: () => void
}

/** From now on Ctrl-C leaves it to go on. */
export const startWatching = async (
  session: Session,
  app: string,
  isJson: boolean,
): Promise<Watching> => {
  const { desk, terminal, context } = session
  desk.leaveWith([
    'It goes on.',
    `landfall watch ${app} comes back, landfall cancel ${app} stops it`,
  ])
  const lastSeconds = terminal.isDrawing ? await loadLastSeconds(session, app) : null
  const { stage } = context
  const view = createProgressView({ app, stage, lastSeconds, terminal, isJson, now: desk.now })
  const stop = terminal.isDrawing ? desk.every(500, view.tick) : () => undefined
  return { app, view, end: stop }
}

const sayRefused = ({ terminal }: Session, reason: string): ExitCode => {
  terminal.warn(`landfall: refused: ${safe(reason, 80)}. ${sentenceOf(reason)}`)
  terminal.warn(`  docs/reasons.md#${safe(reason, 80)}`)
  return exitCodes.refused
}

/** The verdict as an exit code: done where it ended as it was meant to. */
export const toExit = (
  session: Session,
  ended: WatchVerdict,
  wanted: readonly string[] = ['succeeded'],
): ExitCode => {
  if (ended.kind === 'refused') return sayRefused(session, ended.reason)
  if (ended.kind === 'gone') {
    session.terminal.warn(
      'landfall: nothing was opened for the request; landfall status says what there is',
    )
    return exitCodes.endedOtherwise
  }
  return wanted.includes(ended.deployment.status) ? exitCodes.done : exitCodes.endedOtherwise
}

export const watchUntilEnd = async (
  session: Session,
  app: string,
  aim: Aim,
  isJson = false,
): Promise<WatchVerdict> => {
  const watching = await startWatching(session, app, isJson)
  try {
    return await followAim(toFollowPorts(session), app, aim, watching.view.show)
  } finally {
    watching.end()
  }
}

/** What is open, or about to be. */
const watchOpen = async (session: Session, app: string): Promise<ExitCode> => {
  const { terminal, flags } = session
  const { deployment, request, takeBack, live, generation } = await loadProgress(
    toFollowPorts(session),
    app,
  )
  if (deployment !== null && deployment.endedAt === null) {
    const aim = { kind: 'number', generation: deployment.generation } as const
    return toExit(session, await watchUntilEnd(session, app, aim, flags.json))
  }
  const kind =
    takeBack?.refusal === null ? 'rollback' : request?.refusal === null ? 'redeploy' : null
  if (kind !== null) {
    const aim = { kind, after: generation, takesBack: null } as const
    return toExit(session, await watchUntilEnd(session, app, aim, flags.json))
  }
  terminal.say(
    `nothing is open on ${app}; ${live === null ? 'nothing is live' : `${nameRelease(live)} is live`}`,
  )
  return exitCodes.done
}

/** What has come of a revision; `waits`: nothing yet, for this. */
type Outcome =
  | { readonly kind: 'waits'; readonly what: string }
  | { readonly kind: 'deployment'; readonly generation: number }
  | { readonly kind: 'deployed' }
  | { readonly kind: 'ended'; readonly reason: string }

const explainWait = async ({ call }: Session, app: string, revision: string): Promise<string> => {
  const { answer } = await call('status', { app }, AppAnswer)
  const waiting = answer.waiting.find((one) => one.revision === revision)
  const short = shortRevision(revision)
  if (waiting === undefined) return `${short} to be deployed`
  const what =
    waiting.lacks.length > 0 ? `lacks ${waiting.lacks.join(', ')}` : (waiting.reason ?? '')
  const how =
    waiting.reason === 'manual' ? `: landfall deploy ${app} ${revision} brings it out` : ''
  return `${short} ${what}${how}`
}

/** The newest deployment of the revision that was no way back to it. */
const findDeployment = async ({ call }: Session, app: string, revision: string) => {
  const { answer } = await call('status', { app, view: 'history', limit: 20 }, HistoryAnswer)
  return answer.deployments.find(
    ({ commit, digest, kind }) =>
      kind !== 'rollback' && (commit === revision || digest === revision),
  )
}

const findOutcome = async (session: Session, app: string, revision: string): Promise<Outcome> => {
  const asked = session.call('status', { app, revision }, RevisionAnswer)
  const known = await asked.catch((error: unknown) => {
    if (error instanceof Refused && error.reason === 'revision_unknown') return null
    throw error
  })
  const opened = await findDeployment(session, app, revision)
  if (opened !== undefined) return { kind: 'deployment', generation: opened.generation }
  if (known === null)
    return { kind: 'waits', what: `nothing is known of ${shortRevision(revision)} yet` }
  const { status, reason } = known.answer
  if (status === 'waiting')
    return { kind: 'waits', what: await explainWait(session, app, revision) }
  return status === 'deployed' ? { kind: 'deployed' } : { kind: 'ended', reason: reason ?? status }
}

/** Seconds between looks while CI is at work. */
const patienceMilliseconds = 5000

const watchRevision = async (
  session: Session,
  app: string,
  revision: string,
): Promise<ExitCode> => {
  const { terminal, desk, flags } = session
  const watching = await startWatching(session, app, flags.json)
  const patient = { ...session, ...makePatient(toFollowPorts(session)) }
  try {
    for (;;) {
      const outcome = await findOutcome(patient, app, revision)
      switch (outcome.kind) {
        case 'deployment': {
          const aim = { kind: 'number', generation: outcome.generation } as const
          const { show } = watching.view
          return toExit(session, await followAim(toFollowPorts(session), app, aim, show))
        }
        case 'deployed':
          terminal.say(
            `${shortRevision(revision)} was deployed; its record is not among the last 20`,
          )
          return exitCodes.done
        case 'ended':
          terminal.warn(
            `landfall: ${shortRevision(revision)} was not deployed: ${safe(outcome.reason, 80)}. ${sentenceOf(outcome.reason)}`,
          )
          terminal.warn(`  docs/reasons.md#${safe(outcome.reason, 80)}`)
          return exitCodes.endedOtherwise
        case 'waits':
          watching.view.wait(outcome.what)
          await desk.wait(patienceMilliseconds)
      }
    }
  } finally {
    watching.end()
  }
}

/** @throws CommandError (usage) for a short commit: Landfall knows whole ones only */
export const parseRevision = (text: string): string => {
  if (/^([0-9a-f]{40}|sha256:[0-9a-f]{64})$/.test(text)) return text
  throw usageError(
    `${JSON.stringify(safe(text, 100))} is no full commit and no digest`,
    'git rev-parse HEAD prints the full commit',
  )
}

export const watch = (
  session: Session,
  revision: string | undefined,
  argument?: string,
): Promise<ExitCode> => {
  const app = appOf(session, argument)
  return revision === undefined
    ? watchOpen(session, app)
    : watchRevision(session, app, parseRevision(revision))
}
