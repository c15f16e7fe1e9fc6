import {
  DeploymentAnswer,
  ProgressAnswer,
  type DeploymentAnswer as Deployment,
  type ProgressAnswer as Progress,
} from '../src/answers/status.ts'
import type { Call } from './call.ts'
import { CommandError } from './exit.ts'

/** What is waited for: a deployment of this number, or the one that follows from a request. */
export type Aim =
  | { readonly kind: 'number'; readonly generation: number }
  /** The first of this kind after that number; it is refused where the request is. */
  | {
      readonly kind: 'redeploy' | 'rollback'
      readonly after: number
      readonly takesBack: number | null
    }

/** What is known of it by now. */
export type AimState =
  | { readonly kind: 'waiting'; readonly what: string }
  | { readonly kind: 'found'; readonly deployment: Deployment }
  | { readonly kind: 'refused'; readonly reason: string }
  /** The request is no longer there, and nothing was opened for it. */
  | { readonly kind: 'gone' }

export interface FollowPorts {
  readonly call: Call
  readonly wait: (milliseconds: number) => Promise<void>
}

const loadOne = async (
  { call }: FollowPorts,
  app: string,
  generation: number,
): Promise<Deployment> =>
  (await call('status', { app, view: 'deployment', generation }, DeploymentAnswer)).answer

/** From the progress where it is there: a record of its own is read only once it has left the head. */
const findByNumber = async (
  ports: FollowPorts,
  progress: Progress,
  generation: number,
): Promise<Deployment> => {
  const { app, deployment } = progress
  return deployment?.generation === generation ? deployment : loadOne(ports, app, generation)
}

/** The first deployment of this kind that was opened after that number. */
const findAfter = async (
  ports: FollowPorts,
  progress: Progress,
  kind: string,
  after: number,
): Promise<Deployment | null> => {
  for (let number = after + 1; number <= progress.generation; number += 1) {
    const deployment = await findByNumber(ports, progress, number)
    if (deployment.kind === kind) return deployment
  }
  return null
}

const pendingOf = (kind: 'redeploy' | 'rollback', progress: Progress) =>
  kind === 'redeploy' ? progress.request : progress.takeBack

/** What has become of the aim. */
export const findAimState = async (
  ports: FollowPorts,
  progress: Progress,
  aim: Aim,
): Promise<AimState> => {
  if (aim.kind === 'number')
    return { kind: 'found', deployment: await findByNumber(ports, progress, aim.generation) }
  const { kind, after, takesBack } = aim
  const opened = await findAfter(ports, progress, kind, after)
  if (opened !== null) return { kind: 'found', deployment: opened }
  const pending = pendingOf(kind, progress)
  if (pending !== null && pending.refusal !== null)
    return { kind: 'refused', reason: pending.refusal }
  if (takesBack !== null) {
    const taken = await findByNumber(ports, progress, takesBack)
    // Nothing else is opened where the restore of what was live is all that was needed.
    if (taken.endedAt === null || pending === null) return { kind: 'found', deployment: taken }
  }
  // The function has recorded the request before it answered, and a head is read consistently.
  if (pending === null) return { kind: 'gone' }
  return { kind: 'waiting', what: `${kind} to be opened` }
}

const openMilliseconds = 1000
const idleMilliseconds = 5000
/** In a row; a laptop that wakes up needs some seconds. */
const mostFailures = 10

/** While something is watched, what may pass is tried again: what runs goes on meanwhile. */
export const makePatient = ({ call, wait }: FollowPorts): FollowPorts => ({
  wait,
  call: async (...given) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call(...given)
      } catch (error) {
        const isPassing = error instanceof CommandError && error.isPassing
        if (!isPassing || tries === mostFailures) throw error
        await wait(openMilliseconds * 2)
      }
    }
  },
})

export const loadProgress = async ({ call }: FollowPorts, app: string): Promise<Progress> =>
  (await call('status', { app, view: 'progress' }, ProgressAnswer)).answer

const hasOpen = ({ deployment, request, takeBack }: Progress): boolean =>
  deployment?.endedAt === null || request?.refusal === null || takeBack?.refusal === null

/** Looks again and again until it has ended or is refused, and tells each look. */
export const followAim = async (
  given: FollowPorts,
  app: string,
  aim: Aim,
  onLook: (look: AimState) => void,
): Promise<Exclude<AimState, { kind: 'waiting' }>> => {
  const ports = makePatient(given)
  for (;;) {
    const progress = await loadProgress(ports, app)
    const look = await findAimState(ports, progress, aim)
    onLook(look)
    if (look.kind === 'refused' || look.kind === 'gone') return look
    if (look.kind === 'found' && look.deployment.endedAt !== null) return look
    await ports.wait(hasOpen(progress) ? openMilliseconds : idleMilliseconds)
  }
}
