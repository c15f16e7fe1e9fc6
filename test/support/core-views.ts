import { judgeAlarm } from '../../src/deployment/alarm.ts'
import type { App } from '../../src/deployment/app.ts'
import {
  choose,
  readinessOf,
  type Choice,
  type Readiness,
  listMissingEvidence,
  type MissingEvidence,
} from '../../src/deployment/choose.ts'
import { isRepairDue } from '../../src/deployment/repair.ts'
import { operationLimits, rollingEndsAt } from '../../src/deployment/deadline.ts'
import { dueNotice } from '../../src/deployment/notices.ts'
import {
  hasEnded,
  isRepair,
  statusOf,
  type Deployment,
  type DeploymentStatus,
  type InstanceState,
  type Intent,
  type Purpose,
  type Release,
} from '../../src/deployment/deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  intentOf,
  type Scan,
  type Head,
} from '../../src/deployment/head.ts'
import { firstBlocker, hasOutdated, hasWork } from '../../src/deployment/blockers.ts'
import { isQuarantined, desiredRelease } from '../../src/deployment/quarantine.ts'
import type { PendingNotice } from '../../src/deployment/notice.ts'
import type { Revision } from '../../src/deployment/revision.ts'
import type { SeenHooks } from '../../src/deployment/seen.ts'
import { releaseToBringBack } from '../../src/deployment/operate.ts'
import type { AlarmTransition, Verdict } from '../../src/deployment/observation.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import { lettings } from './deployments.ts'
import type { Generation } from '../../src/kernel/id.ts'

export type InstanceView = Pick<
  InstanceState,
  'id' | 'target' | 'wave' | 'status' | 'touched' | 'retries' | 'serving' | 'reason' | 'message'
>

/** The command that is out or about to be sent. */
export type CommandView = Pick<
  Intent,
  | 'purpose'
  | 'target'
  | 'instances'
  | 'fence'
  | 'since'
  | 'at'
  | 'repeated'
  | 'operation'
  | 'deadlineAt'
  | 'hostSeconds'
>

export type DeploymentView = Pick<
  Deployment,
  | 'generation'
  | 'kind'
  | 'by'
  | 'openedAt'
  | 'deadlineAt'
  | 'sentAt'
  | 'release'
  | 'firing'
  | 'takesBack'
  | 'message'
  | 'phase'
> & {
  readonly status: DeploymentStatus
  readonly instances: readonly InstanceView[]
  readonly pausedUntil: Instant | null
  readonly reason: Reason | null
  readonly endedAt: Instant | null
  readonly rolledBackBy: Generation | null
}

/** What can be seen of the core from outside: the only knowledge of a head's fields in the tests. */
export interface Views extends Pick<
  Head,
  | 'version'
  | 'generation'
  | 'releases'
  | 'request'
  | 'freeze'
  | 'quarantine'
  | 'alarmsUntil'
  | 'operations'
  | 'observed'
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
  /** The command that is out or about to be. */
  readonly command: CommandView | null
  readonly live: Release | null
  /** The rollback or cancellation that is asked for, or why it came to nothing. */
  readonly rollback: Head['rollback']
  /** What the rollback that is asked for still has to bring back. */
  readonly rollbackTarget: Release | null
  /** What an alarm is judged by, the newest first. */
  readonly suspects: Head['finished']
  readonly notices: readonly PendingNotice[]
  readonly dueNotice: PendingNotice | null
  /** Who looks again by itself, and until when. */
  readonly watcher: Head['poller']
  readonly needsRepair: boolean
  readonly isRequestPending: boolean
  readonly isRollbackPending: boolean
  /** Whether somebody has to look at the app: at each tick of the clock. */
  readonly hasWork: boolean
  /** What every instance is to serve; null where nothing is live, or the live release is quarantined. */
  readonly releaseToKeep: Release | null
  /** What the journal keeps, for tests of those who load it. */
  readonly stored: Head
  /** What stands in the way of an opening. */
  obstacle(force: boolean): Reason | null
  isQuarantined(release: Release): boolean
  judge(alarm: AlarmTransition, windowSeconds: number): Verdict
  isRepairDue(called: Scan | null): boolean
  standing(revision: Revision, seen?: SeenHooks, app?: App): Readiness
  choice(revisions: readonly Revision[]): Choice
  lost(revisions: readonly Revision[], app: App): readonly MissingEvidence[]
  /** The limits of a command that is ordered now; null where too little time is left. */
  limits(purpose: Purpose): Pick<Intent, 'deadlineAt' | 'hostSeconds'> | null
  rollingEndsAt(): Instant
}

const viewInstance = (instance: InstanceState): InstanceView => {
  const { id, target, wave, status, touched, retries, serving, reason, message } = instance
  return { id, target, wave, status, touched, retries, serving, reason, message }
}

/** A deployment as the head or the history keeps it. */
export const viewDeployment = (deployment: Deployment): DeploymentView => {
  const { generation, kind, by, phase, release, instances, firing } = deployment
  const { openedAt, deadlineAt, sentAt, takesBack, message } = deployment
  const ended = hasEnded(deployment) ? deployment : null
  return {
    generation,
    kind,
    by,
    status: statusOf(deployment),
    phase,
    openedAt,
    deadlineAt,
    sentAt,
    endedAt: ended?.endedAt ?? null,
    pausedUntil: deployment.phase === 'advancing' ? deployment.pausedUntil : null,
    release,
    instances: instances.map(viewInstance),
    firing,
    takesBack,
    rolledBackBy: ended?.rolledBackBy ?? null,
    reason: deployment.phase === 'advancing' ? null : deployment.reason,
    message,
  }
}

const findDeployment = ({ deployment }: Head): DeploymentView | null =>
  deployment === null || isRepair(deployment) ? null : viewDeployment(deployment)

const findRepair = ({ deployment }: Head): DeploymentView | null =>
  deployment !== null && isRepair(deployment) ? viewDeployment(deployment) : null

const findCommand = (head: Head): CommandView | null => {
  const intent = intentOf(head)
  if (intent === null) return null
  const { purpose, target, instances, fence, since, at, repeated, operation } = intent
  const { deadlineAt, hostSeconds } = intent
  return {
    purpose,
    target,
    instances,
    fence,
    since,
    at,
    repeated,
    operation,
    deadlineAt,
    hostSeconds,
  }
}

const kept = ({ deployment }: Head): Deployment => {
  if (deployment === null) throw new Error('there is no deployment')
  return deployment
}

/** What is asked of the core's own functions in this situation. */
const toQuestions = (head: Head, now: Instant) => ({
  rollbackTarget: releaseToBringBack(head),
  dueNotice: dueNotice(head, now),
  needsRepair: hasOutdated(head),
  isRequestPending: hasPendingRequest(head),
  isRollbackPending: hasPendingRollback(head),
  releaseToKeep: desiredRelease(head),
  isQuarantined: (release: Release) => isQuarantined(head, release),
  obstacle: (force: boolean) => firstBlocker(head, { kind: 'request', force, content: null }),
  judge: (alarm: AlarmTransition, windowSeconds: number) => judgeAlarm(head, alarm, windowSeconds),
  isRepairDue: (called: Scan | null) => isRepairDue(head, called, now),
  standing: (revision: Revision, seen: SeenHooks = {}, app: App = lettings) =>
    readinessOf(head, app, revision, seen, now),
  choice: (revisions: readonly Revision[]) => choose(head, lettings, revisions, {}, now),
  lost: (revisions: readonly Revision[], app: App) =>
    listMissingEvidence(head, app, revisions, {}, now),
  limits: (purpose: Purpose) => operationLimits(kept(head), purpose, now),
  rollingEndsAt: () => rollingEndsAt(kept(head)),
})

export const viewHead = (head: Head, now: Instant): Views => {
  const { version, generation, releases, request, freeze, quarantine } = head
  const { alarmsUntil, operations, observed, mark } = head
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
    observed,
    mark,
    deployment,
    repair,
    isIdle: head.deployment === null,
    instances,
    statuses: instances.map(({ status }) => status),
    command: findCommand(head),
    live: releases[0] ?? null,
    rollback: head.rollback,
    suspects: head.finished,
    notices: head.notices,
    watcher: head.poller,
    stored: head,
    hasWork: hasWork(head),
    ...toQuestions(head, now),
  }
}
