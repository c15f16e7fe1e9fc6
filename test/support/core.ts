import { judgeAlarm, type AlarmTransition, type Verdict } from '../../src/deployment/alarm.ts'
import type { App } from '../../src/deployment/app.ts'
import { choose, standingOf, type Choice, type Standing } from '../../src/deployment/choose.ts'
import { isConvergenceDue, type Called } from '../../src/deployment/converge.ts'
import { operationLimits, rollingEndsAt } from '../../src/deployment/deadline.ts'
import { dueFact, type Told } from '../../src/deployment/facts.ts'
import {
  createHead,
  type Head,
  type Intent,
  type Purpose,
  type Release,
  type Request,
} from '../../src/deployment/head.ts'
import { listLost, type Lost } from '../../src/deployment/look-up.ts'
import type { OperatorWord } from '../../src/deployment/operate.ts'
import { openingObstacle, type Candidate, type Opening } from '../../src/deployment/open.ts'
import { hasStrays } from '../../src/deployment/places.ts'
import type { OwedFact } from '../../src/deployment/report.ts'
import type { Revision } from '../../src/deployment/revision.ts'
import type { SeenHooks } from '../../src/deployment/seen.ts'
import type { Answer } from '../../src/deployment/step.ts'
import { releaseToBringBack } from '../../src/deployment/take-back.ts'
import { transition, type Action, type Observation } from '../../src/deployment/transition.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import type { InstanceId } from '../../src/kernel/id.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import { toOrder } from '../../src/rollout/order.ts'
import type { Order } from '../../src/targets/target.ts'
import {
  findCommand,
  findDeployment,
  findRepair,
  type CommandView,
  type DeploymentView,
  type InstanceView,
} from './core-views.ts'
import { after, lettings, openingOf, start } from './deployments.ts'
import { answerOf } from './hosts.ts'

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
  say(word: OperatorWord, by?: string, id?: string): Core
  ask(changes?: Partial<Request>, id?: string): Core
  decline(reason: Reason): Core
  alarm(alarm: AlarmTransition, windowSeconds: number): Core
  /** These instances are there. */
  find(candidates: readonly Candidate[], called?: Called | null, capacity?: number): Core
  /** What ended stands in the history. */
  archive(windowSeconds?: number | null): Core
  /** Nothing is left to bring back. */
  goBack(): Core
  claim(id: string): Core
  tell(told: Partial<Told> & Pick<Told, 'id'>): Core
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

interface Views extends Pick<
  Head,
  | 'version'
  | 'generation'
  | 'releases'
  | 'request'
  | 'freeze'
  | 'quarantine'
  | 'alarmsUntil'
  | 'operations'
  | 'places'
  | 'mark'
> {
  /** The open or ended deployment. */
  readonly deployment: DeploymentView | null
  /** What brings instances back to the live release, where some are out of date. */
  readonly repair: DeploymentView | null
  /** Neither a deployment nor a repair is kept. */
  readonly isIdle: boolean
  /** The instances of the deployment or of the repair. */
  readonly instances: readonly InstanceView[]
  readonly statuses: readonly InstanceView['status'][]
  /** The deployments that stand in the history, the oldest first. */
  readonly history: readonly DeploymentView[]
  /** The command that is out or about to be. */
  readonly command: CommandView | null
  readonly live: Release | null
  /** The rollback or cancellation that is asked for, or why it came to nothing. */
  readonly rollback: Head['takeBack']
  /** What the rollback that is asked for still has to bring back. */
  readonly rollbackTarget: Release | null
  /** What an alarm is judged by, the newest first. */
  readonly suspects: Head['finished']
  readonly notices: readonly OwedFact[]
  readonly dueNotice: OwedFact | null
  /** Who looks again by itself, and until when. */
  readonly watcher: Head['watch']
  readonly needsRepair: boolean
  /** What the journal keeps, for tests of those who load it. */
  readonly stored: Head
  /** What stands in the way of an opening. */
  obstacle(force: boolean): Reason | null
  judge(alarm: AlarmTransition, windowSeconds: number): Verdict
  isRepairDue(called: Called | null): boolean
  standing(revision: Revision, seen?: SeenHooks, app?: App): Standing
  choice(revisions: readonly Revision[]): Choice
  lost(revisions: readonly Revision[], app: App): readonly Lost[]
  /** The limits of a command that is ordered now; null where too little time is left. */
  limits(purpose: Purpose): Pick<Intent, 'deadlineAt' | 'hostSeconds'> | null
  rollingEndsAt(): Instant
}

export interface Core extends Inputs, Outputs, Views {}

interface State {
  readonly head: Head
  readonly before: Head
  readonly actions: readonly Action[]
  readonly history: readonly DeploymentView[]
  readonly now: Instant
}

const found = <Value>(value: Value | null, what: string): Value => {
  if (value === null) throw new Error(`there is no ${what}`)
  return value
}

const take = (state: State, observation: Observation): Core => {
  const { head, now } = state
  const next = transition(head, observation, now)
  return toCore({ ...state, ...next, before: head })
}

const archive = (state: State, windowSeconds: number | null): Core => {
  const { generation } = found(state.head.deployment, 'deployment')
  const next = take(state, { kind: 'archived', generation, windowSeconds })
  const ended = findDeployment(state.head)
  const isKept = ended === null || !next.isIdle
  return toCore({
    ...state,
    head: next.stored,
    before: state.head,
    actions: [],
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
  const fence = () => found(findCommand(head), 'command').fence
  const everybody = () => head.deployment?.instances.map(({ id }) => id) ?? []
  return {
    at: (seconds) => toCore({ ...state, now: after(seconds) }),
    open: (opening) => take(state, { kind: 'wanted', opening }),
    look: (prepared = everybody()) => take(state, { kind: 'looked', prepared, by: 'ada' }),
    send: (missing = [], operation = 'command-1') =>
      take(state, { kind: 'sent', fence: fence(), operation, missing }),
    answer: (...answers) => take(state, { kind: 'answered', fence: fence(), answers }),
    say: (word, by = 'ada', id = `word-${head.version}`) =>
      take(state, { kind: 'operated', word, by, id }),
    ask: (changes = {}, id = `request-${head.version}`) => {
      const request = { revision: null, force: false, by: 'ada', at: now, refusal: null }
      return take(state, { kind: 'requested', request: { ...request, ...changes }, id })
    },
    decline: (reason) => take(state, { kind: 'declined', reason }),
    alarm: (alarm, windowSeconds) =>
      take(state, { kind: 'alarmed', transition: alarm, windowSeconds }),
    find: (candidates, called = null, capacity = 2) =>
      take(state, { kind: 'found', candidates, capacities: [capacity, capacity], called }),
    archive: (windowSeconds = null) => archive(state, windowSeconds),
    goBack: () => take(state, { kind: 'went_back' }),
    claim: (id) => take(state, { kind: 'claimed', id }),
    tell: (told) => {
      const nothing = { told: [], isDone: false, afterSeconds: null }
      return take(state, { kind: 'told', told: { ...nothing, ...told } })
    },
    see: (observation) => take(state, observation),
  }
}

const toOutputs = ({ head, before, actions }: State): Outputs => ({
  changed: head !== before,
  sent: actions.flatMap((action) =>
    action.kind === 'send' ? [toOrder(head, action.deployment, action.intent)] : [],
  ),
  cancelled: actions.flatMap((action) =>
    action.kind === 'cancel' ? [{ target: action.target, operation: action.operation }] : [],
  ),
  refused:
    actions.flatMap((action) => (action.kind === 'refuse' ? [action.reason] : []))[0] ?? null,
})

/** What is asked of the core's own functions in this situation. */
const toQuestions = ({ head, now }: State) => ({
  rollbackTarget: releaseToBringBack(head),
  dueNotice: dueFact(head, now),
  needsRepair: hasStrays(head),
  obstacle: (force: boolean) => openingObstacle(head, force),
  judge: (alarm: AlarmTransition, windowSeconds: number) => judgeAlarm(head, alarm, windowSeconds),
  isRepairDue: (called: Called | null) => isConvergenceDue(head, called, now),
  standing: (revision: Revision, seen: SeenHooks = {}, app: App = lettings) =>
    standingOf(head, app, revision, seen, now),
  choice: (revisions: readonly Revision[]) => choose(head, lettings, revisions, {}, now),
  lost: (revisions: readonly Revision[], app: App) => listLost(head, app, revisions, {}, now),
  limits: (purpose: Purpose) => operationLimits(found(head.deployment, 'deployment'), purpose, now),
  rollingEndsAt: () => rollingEndsAt(found(head.deployment, 'deployment')),
})

const toViews = (state: State): Views => {
  const { head, history } = state
  const { version, generation, releases, request, freeze, quarantine } = head
  const { alarmsUntil, operations, places, mark } = head
  const deployment = findDeployment(head)
  const repair = findRepair(head)
  const instances = (deployment ?? repair)?.instances ?? []
  return {
    version,
    generation,
    releases,
    request,
    freeze,
    quarantine,
    alarmsUntil,
    operations,
    places,
    mark,
    deployment,
    repair,
    isIdle: head.deployment === null,
    instances,
    statuses: instances.map(({ status }) => status),
    history,
    command: findCommand(head),
    live: releases[0] ?? null,
    rollback: head.takeBack,
    suspects: head.finished,
    notices: head.owed,
    watcher: head.watch,
    stored: head,
    ...toQuestions(state),
  }
}

const toCore = (state: State): Core => {
  const core: Core = {
    ...toInputs(state),
    ...toOutputs(state),
    ...toViews(state),
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
  return toCore({ head, before: head, actions: [], history: [], now: start })
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
