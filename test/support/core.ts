import type { Candidate } from '../../src/deployment/deployment.ts'
import { createHead, type Scan, type Head, type Request } from '../../src/deployment/head.ts'
import { decide, evolve, toActions, type Action } from '../../src/deployment/transition.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import type { InstanceId } from '../../src/kernel/id.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import { toOrder } from '../../src/rollout/order.ts'
import type { Order } from '../../src/targets/target.ts'
import { viewHead, type DeploymentView, type Views } from './core-views.ts'
import { after, instanceAt, lettings, openingOf, servingOf, start } from './deployments.ts'
import { ec2 } from './examples.ts'
import { answerOf } from './hosts.ts'
import type {
  AlarmTransition,
  NoticeOutcome,
  OperatorCommand,
  Opening,
  Observation,
} from '../../src/deployment/observation.ts'
import type { Answer } from '../../src/deployment/step.ts'

/** The inputs of the core. Each comes at the present time and returns the core that follows. */
interface Inputs {
  /** The time of the inputs that follow, in seconds after `start`. */
  at(seconds: number): Core
  open(opening: Opening): Core
  /** Opens the requested rollback, to these instances. */
  openRollback(instances?: number, changes?: Partial<Opening>): Core
  /** A run polls; without a list every instance has a fresh certificate. */
  poll(prepared?: readonly InstanceId[]): Core
  /** The issued command is sent, except to the missing. */
  send(missing?: readonly Answer[], operation?: string | null): Core
  /** Polls, and sends the command that this issues. */
  dispatch(prepared?: readonly InstanceId[]): Core
  /** Instances answer the command in flight. */
  answer(...answers: readonly Answer[]): Core
  /** Dispatches the next command, and lets each of its instances succeed. */
  serve(): Core
  /** Serves until the deployment or repair has ended. */
  finish(): Core
  say(command: OperatorCommand, by?: string, id?: string): Core
  ask(changes?: Partial<Request>, id?: string): Core
  decline(reason: Reason): Core
  alarm(alarm: AlarmTransition, windowSeconds: number): Core
  /** The targets of the live release select these instances. */
  find(candidates: readonly Candidate[], scan?: Scan | null, capacity?: number): Core
  /** The ended deployment is recorded in the history. */
  archive(windowSeconds?: number | null): Core
  /** No release is left to bring back. */
  goBack(): Core
  claim(id: string): Core
  tell(told: Partial<NoticeOutcome> & Pick<NoticeOutcome, 'id'>): Core
  /** Any input, also one that is not expected. */
  see(observation: Observation): Core
}

/** The result of the last input. */
interface Outputs {
  /** False where the input changed nothing at all. */
  readonly changed: boolean
  readonly sent: readonly Order[]
  readonly cancelled: readonly Omit<Extract<Action, { kind: 'cancel' }>, 'kind'>[]
  readonly refused: Reason | null
}

export interface Core extends Inputs, Outputs, Views {
  /** The deployments in the history, the oldest first. */
  readonly history: readonly DeploymentView[]
}

interface State {
  readonly head: Head
  readonly before: Head
  readonly actions: readonly Action[]
  readonly refusal: Reason | null
  readonly history: readonly DeploymentView[]
  readonly now: Instant
}

const found = <Value>(value: Value | null, what: string): Value => {
  if (value === null) throw new Error(`there is no ${what}`)
  return value
}

const take = (state: State, observation: Observation): Core => {
  const { head, now } = state
  const decided = decide(head, observation, now)
  if (!decided.ok) return toCore({ ...state, before: head, actions: [], refusal: decided.error })
  const next = evolve(head, decided.value, now)
  const actions = toActions(next, decided.value)
  return toCore({ ...state, head: next, before: head, actions, refusal: null })
}

const archive = (state: State, windowSeconds: number | null): Core => {
  const { generation } = found(state.head.deployment, 'deployment')
  const next = take(state, { kind: 'archived', generation, windowSeconds })
  const ended = viewHead(state.head, state.now).deployment
  const isKept = ended === null || !next.isIdle
  return toCore({
    ...state,
    head: next.stored,
    before: state.head,
    actions: [],
    refusal: null,
    history: isKept ? state.history : [...state.history, ended],
  })
}

const openRollback = ({ rollback, rollbackTarget }: Core, instances: number): Opening =>
  openingOf(0, instances, {
    kind: 'rollback',
    by: found(rollback, 'rollback').by,
    order: null,
    release: found(rollbackTarget, 'release to go back to'),
  })

/** Each instance of the order has carried it out. */
const succeedIn = ({ purpose, release, instances }: Order): readonly Answer[] => {
  const serving =
    release === null || purpose === 'prepare'
      ? null
      : { generation: release.generation, digest: release.digest }
  return instances.map((id) => answerOf(id, 'succeeded', 'deployed', { serving }))
}

/** Carries out the command that a poll issued; null where it issued none. */
const serveOrder = (polled: Core): Core | null => {
  const [order] = polled.sent
  return order === undefined ? null : polled.send().answer(...succeedIn(order))
}

const finish = (core: Core): Core => {
  const polled = core.poll()
  return polled.changed ? finish(serveOrder(polled) ?? polled) : core
}

const toInputs = (state: State): Omit<Inputs, 'dispatch' | 'serve' | 'finish' | 'openRollback'> => {
  const { head, now } = state
  const fence = () => found(viewHead(head, now).command, 'command').fence
  const everyInstance = () => head.deployment?.instances.map(({ id }) => id) ?? []
  return {
    at: (seconds) => toCore({ ...state, now: after(seconds) }),
    open: (opening) => take(state, { kind: 'opening_gathered', opening }),
    poll: (prepared = everyInstance()) => take(state, { kind: 'polled', prepared, by: 'ada' }),
    send: (missing = [], operation = 'command-1') =>
      take(state, { kind: 'sent', fence: fence(), operation, missing }),
    answer: (...answers) => take(state, { kind: 'answered', fence: fence(), answers }),
    say: (command, by = 'ada', id = `command-${head.version}`) =>
      take(state, { kind: 'operated', command, by, id }),
    ask: (changes = {}, id = `request-${head.version}`) => {
      const request = {
        revision: null,
        promoted: null,
        force: false,
        by: 'ada',
        at: now,
        refusal: null,
      }
      return take(state, { kind: 'requested', request: { ...request, ...changes }, id })
    },
    decline: (reason) => take(state, { kind: 'declined', reason }),
    alarm: (alarm, windowSeconds) =>
      take(state, { kind: 'alarmed', transition: alarm, windowSeconds }),
    find: (candidates, scan = null, capacity = 2) =>
      take(state, { kind: 'instances_found', candidates, capacities: [capacity, capacity], scan }),
    archive: (windowSeconds = null) => archive(state, windowSeconds),
    goBack: () => take(state, { kind: 'brought_back' }),
    claim: (id) => take(state, { kind: 'notice_claimed', id }),
    tell: (told) => {
      const nothing = { sentTo: [], isDone: false, afterSeconds: null }
      return take(state, { kind: 'notice_sent', outcome: { ...nothing, ...told } })
    },
    see: (observation) => take(state, observation),
  }
}

const toOutputs = ({ head, before, actions, refusal }: State): Outputs => ({
  changed: head !== before,
  sent: actions.flatMap((action) =>
    action.kind === 'send' ? [toOrder(head, action.deployment, action.intent)] : [],
  ),
  cancelled: actions.flatMap((action) =>
    action.kind === 'cancel' ? [{ target: action.target, operation: action.operation }] : [],
  ),
  refused: refusal,
})

const toCore = (state: State): Core => {
  const core: Core = {
    ...toInputs(state),
    ...toOutputs(state),
    ...viewHead(state.head, state.now),
    history: state.history,
    openRollback: (instances = 1, changes = {}) =>
      core.open({ ...openRollback(core, instances), ...changes }),
    dispatch: (prepared) => core.poll(prepared).send(),
    serve: () => {
      const polled = core.poll()
      return serveOrder(polled) ?? polled
    },
    finish: () => finish(core),
  }
  return core
}

/** A new app at `start`. */
export const begin = (): Core => {
  const head = createHead(lettings.name)
  return toCore({ head, before: head, actions: [], refusal: null, history: [], now: start })
}

/** Opens the release of `index` and brings it live on all of its instances. */
export const bringLive = (
  from: Core,
  opening: Opening,
  windowSeconds: number | null = null,
): Core => from.open(opening).finish().archive(windowSeconds)

/** Opens a release, sends its first command and rolls it back. */
export const takeBack = (from: Core, opening: Opening): Core =>
  from.open(opening).dispatch().say({ kind: 'rollback', to: null }).finish().archive().goBack()

/** Brings releases live on so many instances, one after the other, each under the number of its index. */
export const live = (instances: number, ...indexes: readonly number[]): Core =>
  indexes.reduce((core, index) => bringLive(core, openingOf(index, instances)), begin())

/** Release 1 is live on the one instance, and release 2 is sent to it. */
export const deploying = (): Core => live(1, 1).open(openingOf(2, 1)).dispatch()

/** Release 1 is live on four instances; the second wave of release 2 is issued to three of them. */
export const issuedToThree = (): Core => {
  const inThrees = ec2({ rollout: { batch: { kind: 'count', value: 3 }, pauseSeconds: 0 } })
  const opening = openingOf(2, 4, {}, { ...lettings, targets: [inThrees] })
  return live(4, 1).open(opening).serve().poll()
}
export const sentToThree = (): Core => issuedToThree().send()

/** Instance 1, which serves release 1, refuses a command. */
export const refused = (reason: Answer['reason'], changes: Partial<Answer> = {}): Answer =>
  answerOf(instanceAt(1), 'refused', reason, { serving: servingOf(1, 1), ...changes })

/** A command could not be sent to the instance. */
export const unreachable = (index: number): Answer =>
  answerOf(instanceAt(index), 'failed', 'instance_offline', { message: 'InvalidInstanceId' })
