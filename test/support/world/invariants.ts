import { isDeepStrictEqual } from 'node:util'
import type { Intent } from '../../../src/deployment/deployment.ts'
import { compareOrders } from '../../../src/deployment/revision.ts'
import type { StepRecord } from '../../../src/deployment/step.ts'
import type { InstanceId } from '../../../src/kernel/id.ts'
import type { Order } from '../../../src/targets/target.ts'
import type { DeploymentView, Views } from '../core-views.ts'
import { indexOf } from '../examples.ts'
import type { Host } from '../hosts.ts'
import type { Sent } from './hosts.ts'

/** What the invariants check besides the head. */
interface Seen {
  readonly hosts: readonly Host[]
  readonly deployments: ReadonlyMap<number, DeploymentView>
  readonly steps: ReadonlyMap<string, StepRecord>
}

const withoutSettings = (key: string, value: unknown): unknown =>
  key === 'settings' ? undefined : value

const findOpen = ({ deployment, repair }: Views): DeploymentView | null => deployment ?? repair

const isRepair = ({ kind }: DeploymentView): boolean => kind === 'repair'

/** What must be the same whenever a command is sent under one fence. */
const sameInOrder = (one: Order) => [
  one.purpose,
  one.generation,
  one.release,
  one.target,
  one.instances,
  one.predeployOn,
  one.notAfter,
]

/** What the write that opens a deployment fixes. */
const fixedAtOpening = (one: DeploymentView) => [
  one.release,
  one.openedAt,
  one.deadlineAt,
  one.kind,
  one.by,
]

/** Watches every write and every send, and notes each breach of what must always hold. */
export const createInvariants = (seen: () => Seen) => {
  const breaches: string[] = []
  const unknown = new Set<InstanceId>()
  let newestOpened = -1

  const breach = (what: string, ...details: readonly unknown[]): void => {
    breaches.push(
      [what, ...details.map((detail) => JSON.stringify(detail, withoutSettings))].join(' '),
    )
  }

  const checkOrder = (order: Order, sends: readonly Sent[]): void => {
    const earlier = sends.find(({ fence }) => fence === order.fence)?.order
    if (earlier !== undefined && !isDeepStrictEqual(sameInOrder(earlier), sameInOrder(order)))
      breach('two different orders under one fence', earlier, order)
    if (order.predeployOn !== null && !order.instances.includes(order.predeployOn))
      breach('predeploy is ordered of an instance that is not to run it', order)
  }

  /** Instances that have not reported what they serve: no ending answers for them. */
  const noteUnknown = (ended: DeploymentView): void => {
    for (const { id, status } of ended.instances) {
      if (status === 'unknown') unknown.add(id)
      if (status === 'succeeded' || status === 'restored') unknown.delete(id)
      // A repair need not reach or ask every instance.
      if (isRepair(ended) && status !== 'succeeded') unknown.add(id)
      // An instance that was offline follows when it is back.
      if (ended.kind === 'rollback' && status === 'failed') unknown.add(id)
      // A rollback that fails leaves the instances that went back where they are.
      if (ended.kind === 'rollback' && ended.status === 'failed') unknown.add(id)
    }
  }

  const checkServing = (after: Views, ended: DeploymentView): void => {
    const live = after.live?.generation ?? null
    for (const { id } of ended.instances) {
      const host = seen().hosts.find((one) => one.id === id)
      // What else than hosts an app runs on looks after itself.
      if (host === undefined || unknown.has(id)) continue
      const serving = host.serving?.generation ?? null
      if (serving !== live) breach(`${id} serves ${serving} where ${live} is live`, ended)
    }
  }

  const checkEnding = (after: Views, ended: DeploymentView): void => {
    if (ended.reason === null || ended.endedAt === null) breach('ended without a reason', ended)
    noteUnknown(ended)
    checkServing(after, ended)
    // Of a rollback, who could not be reached follows when it can.
    if (
      ended.status === 'succeeded' &&
      ended.instances.some(
        ({ status, touched }) => status !== 'succeeded' && (ended.kind !== 'rollback' || touched),
      )
    )
      breach('succeeded without an instance', ended)
  }

  /** One a suspect, and never of a rollback. */
  const checkRollback = ({ generation, takesBack, by }: DeploymentView): void => {
    const { deployments } = seen()
    const suspect = deployments.get(takesBack ?? 0)
    if (suspect === undefined) return breach('a rollback of nothing that was', takesBack)
    if (!by.startsWith('alarm')) return
    if (suspect.kind === 'rollback') breach('an alarm took a rollback back', suspect)
    for (const other of deployments.values())
      if (other.takesBack === takesBack && other.status === 'succeeded')
        breach(`${generation} took ${takesBack} back again`, other)
  }

  /** A repair brings the live release only, and only to instances that are not observed to serve it. */
  const checkRepair = (before: Views, { release, generation }: DeploymentView): void => {
    const { live } = before
    if (!isDeepStrictEqual(release, live) || generation !== live?.generation)
      breach('a convergence to what is not live', release)
    if (before.isQuarantined(release)) breach('a convergence to what is quarantined', release)
    if (before.isRollbackPending || before.isRequestPending)
      breach('a convergence in the way', before.rollback, before.request)
  }

  const checkOpened = (before: Views, opened: DeploymentView): void => {
    if (isRepair(opened)) return checkRepair(before, opened)
    if (opened.generation !== before.generation + 1) breach('a number was left out', opened)
    const index = indexOf(opened.release.revision)
    if (opened.kind === 'deploy' && index <= newestOpened)
      breach(`commit ${index} went out by itself after ${newestOpened}`)
    newestOpened = Math.max(newestOpened, index)
    if (opened.kind === 'deploy' && opened.release.settings.deploy === 'manual')
      breach('an app that a person deploys opened by itself', opened)
    if (opened.kind === 'deploy' && before.isQuarantined(opened.release))
      breach('what is quarantined went out by itself', opened)
    if (before.freeze !== null && opened.kind === 'deploy')
      breach('a frozen app opened by itself', opened)
    if (opened.kind === 'rollback') checkRollback(opened)
  }

  const checkTold = (before: Views, was: DeploymentView, is: DeploymentView): void => {
    for (const instance of is.instances) {
      const status = was.instances.find(({ id }) => id === instance.id)?.status
      const isTold = instance.status === 'succeeded' || instance.status === 'restored'
      const isOnlyAsked = isRepair(is) && !instance.touched
      if (!isTold || isOnlyAsked || status === instance.status) continue
      const step = seen().steps.get(`${is.generation} ${instance.id} ${before.command?.fence}`)
      if (step?.outcome !== 'succeeded') breach('the head knew before the history', instance)
    }
  }

  const checkMoved = (before: Views, was: DeploymentView, is: DeploymentView): void => {
    if (is.generation !== was.generation) breach('two deployments are open', was, is)
    if (!isDeepStrictEqual(fixedAtOpening(was), fixedAtOpening(is)))
      breach('a frozen fact changed', was, is)
    if (was.phase === 'ended' && !isDeepStrictEqual(was, is)) breach('an ending changed', was, is)
    checkTold(before, was, is)
  }

  const checkCommand = (before: Views, after: Views, command: Intent): void => {
    const { deadlineAt, at, hostSeconds, fence } = command
    if (Date.parse(deadlineAt) - Date.parse(at) < hostSeconds * 1000)
      breach('the host may run longer than its command is good for', command)
    if (fence !== before.command?.fence && fence !== after.version)
      breach('an intent whose fence is not the version of its write', after.stored)
  }

  const checkWrite = (before: Views, after: Views): void => {
    if (after.version <= before.version)
      breach('the version did not rise', before.stored, after.stored)
    const { mark } = before
    if (mark !== null && (after.mark === null || compareOrders(after.mark, mark) < 0))
      breach('the mark went down', before.stored, after.stored)
    const [was, is] = [findOpen(before), findOpen(after)]
    if (was === null && is !== null) checkOpened(before, is)
    if (was !== null && is !== null) checkMoved(before, was, is)
    if (was !== null && is === null && !seen().deployments.has(was.generation))
      breach('let go before it was in the history', was)
    if (is?.phase === 'ended' && was?.phase !== 'ended') checkEnding(after, is)
    if (after.command !== null) checkCommand(before, after, after.command)
  }

  return {
    breach,
    checkOrder,
    checkWrite,
    controls: {
      breaches,
      isUnknown: (id: InstanceId) => unknown.has(id),
      newestOpened: () => newestOpened,
    },
  }
}
