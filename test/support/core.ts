import { createHead, type Scan, type Head, type Request } from '../../src/deployment/head.ts'
import type { Answer } from '../../src/deployment/step.ts'
import { evolve } from '../../src/deployment/transition.ts'
import { decide, toActions, type Action } from '../../src/deployment/transition.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import type { InstanceId } from '../../src/kernel/id.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import { toOrder } from '../../src/rollout/order.ts'
import type { Order } from '../../src/targets/target.ts'
import { viewHead, type DeploymentView, type Views } from './core-views.ts'
import { after, lettings, openingOf, start } from './deployments.ts'
import { answerOf } from './hosts.ts'
import type { Candidate } from '../../src/deployment/deployment.ts'
import type {
  AlarmTransition,
  NoticeOutcome,
  OperatorCommand,
  Opening,
  Observation,
} from '../../src/deployment/observation.ts'

/** What may be given to the core. Each input comes at the present time and gives the core that follows. */
interface Inputs {
  /** The time of the inputs that follow, in seconds after `start`. */
  at(seconds: number): Core
  open(opening: Opening): Core
  /** Opens the rollback that is asked for, to these instances. */
  openRollback(instances?: number, changes?: Partial<Opening>): Core
  /** A reconciler looks; without a list every instance has a fresh certificate. */
  look(prepared?: readonly InstanceId[]): Core
  /** The command that waits is out, except to the missing. */
  send(missing?: readonly Answer[], operation?: string | null): Core
  /** Instances answer the command that is out. */
  answer(...answers: readonly Answer[]): Core
  /** Looks, sends what that orders, and lets each of its instances succeed. */
  serve(): Core
  /** Serves until there is nothing left to do but wait: what is open has ended. */
  finish(): Core
  say(command: OperatorCommand, by?: string, id?: string): Core
  ask(changes?: Partial<Request>, id?: string): Core
  decline(reason: Reason): Core
  alarm(alarm: AlarmTransition, windowSeconds: number): Core
  /** These instances are there. */
  find(candidates: readonly Candidate[], scan?: Scan | null, capacity?: number): Core
  /** What ended stands in the history. */
  archive(windowSeconds?: number | null): Core
  /** Nothing is left to bring back. */
  goBack(): Core
  claim(id: string): Core
  tell(told: Partial<NoticeOutcome> & Pick<NoticeOutcome, 'id'>): Core
  /** Any input, also one that nobody waits for. */
  see(observation: Observation): Core
}

/** What the last input led to. */
interface Outputs {
  /** False where the input changed nothing at all. */
  readonly changed: boolean
  readonly sent: readonly Order[]
  readonly cancelled: readonly Omit<Extract<Action, { kind: 'cancel' }>, 'kind'>[]
  readonly refused: Reason | null
}

export interface Core extends Inputs, Outputs, Views {
  /** The deployments that stand in the history, the oldest first. */
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

/** Each instance of the order has done what it was told. */
const succeedIn = ({ purpose, release, instances }: Order): readonly Answer[] => {
  const serving =
    release === null || purpose === 'prepare'
      ? null
      : { generation: release.generation, digest: release.digest }
  return instances.map((id) => answerOf(id, 'succeeded', 'deployed', { serving }))
}

/** Serves the order that a look gave out; null where it gave out none. */
const serveOrder = (looked: Core): Core | null => {
  const [order] = looked.sent
  return order === undefined ? null : looked.send().answer(...succeedIn(order))
}

const finish = (core: Core): Core => {
  const looked = core.look()
  return looked.changed ? finish(serveOrder(looked) ?? looked) : core
}

const toInputs = (state: State): Omit<Inputs, 'serve' | 'finish' | 'openRollback'> => {
  const { head, now } = state
  const fence = () => found(viewHead(head, now).command, 'command').fence
  const everybody = () => head.deployment?.instances.map(({ id }) => id) ?? []
  return {
    at: (seconds) => toCore({ ...state, now: after(seconds) }),
    open: (opening) => take(state, { kind: 'opening_gathered', opening }),
    look: (prepared = everybody()) => take(state, { kind: 'polled', prepared, by: 'ada' }),
    send: (missing = [], operation = 'command-1') =>
      take(state, { kind: 'sent', fence: fence(), operation, missing }),
    answer: (...answers) => take(state, { kind: 'answered', fence: fence(), answers }),
    say: (command, by = 'ada', id = `command-${head.version}`) =>
      take(state, { kind: 'operated', command, by, id }),
    ask: (changes = {}, id = `request-${head.version}`) => {
      const request = { revision: null, force: false, by: 'ada', at: now, refusal: null }
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
    serve: () => {
      const looked = core.look()
      return serveOrder(looked) ?? looked
    },
    finish: () => finish(core),
  }
  return core
}

/** An app that nothing was heard of, at `start`. */
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

/** Opens a release, sends its first command and takes it back, as a person who rolls back does. */
export const takeBack = (from: Core, opening: Opening): Core =>
  from.open(opening).look().send().say({ kind: 'rollback', to: null }).finish().archive().goBack()

/** Brings releases live on so many instances, one after the other, each under the number of its index. */
export const live = (instances: number, ...indexes: readonly number[]): Core =>
  indexes.reduce((core, index) => bringLive(core, openingOf(index, instances)), begin())
