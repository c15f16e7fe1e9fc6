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
  withoutPhase,
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
  liveRelease,
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

export type DeploymentView = ReturnType<typeof withoutPhase> & {
  readonly phase: Deployment['phase']
  readonly status: DeploymentStatus
  readonly pausedUntil: Instant | null
  readonly reason: Reason | null
  readonly message: string | null
  readonly endedAt: Instant | null
  readonly rolledBackBy: Generation | null
}

/** The core from outside: the tests' only knowledge of a head's fields. */
export interface Views extends Pick<
  Head,
  | 'version'
  | 'generation'
  | 'releases'
  | 'request'
  | 'freeze'
  | 'quarantine'
  | 'rollback'
  | 'alarmsUntil'
  | 'operations'
  | 'observed'
  | 'notices'
  | 'mark'
> {
  /** The open or ended deployment. */
  readonly deployment: DeploymentView | null
  readonly repair: DeploymentView | null
  /** Neither a deployment nor a repair is kept. */
  readonly isIdle: boolean
  /** The instances of the deployment or of the repair. */
  readonly instances: readonly InstanceState[]
  readonly statuses: readonly InstanceState['status'][]
  /** The command in flight. */
  readonly command: Intent | null
  readonly live: Release | null
  /** What the requested rollback still has to bring back. */
  readonly rollbackTarget: Release | null
  /** What an alarm is judged by, the newest first. */
  readonly suspects: Head['finished']
  readonly dueNotice: PendingNotice | null
  /** The run that polls, and until when. */
  readonly watcher: Head['poller']
  readonly needsRepair: boolean
  readonly isRequestPending: boolean
  readonly isRollbackPending: boolean
  /** Whether each tick of the schedule has to look at the app. */
  readonly hasWork: boolean
  readonly releaseToKeep: Release | null
  /** The head as the journal stores it, for tests of the code that loads it. */
  readonly stored: Head
  /** The first blocker of an opening. */
  obstacle(force: boolean): Reason | null
  isQuarantined(release: Release): boolean
  judge(alarm: AlarmTransition, windowSeconds: number): Verdict
  isRepairDue(scan: Scan | null): boolean
  standing(revision: Revision, seen?: SeenHooks, app?: App): Readiness
  choice(revisions: readonly Revision[], app?: App): Choice
  lost(revisions: readonly Revision[], app: App): readonly MissingEvidence[]
  /** The limits of a command that is ordered now; null where too little time is left. */
  limits(purpose: Purpose): Pick<Intent, 'deadlineAt' | 'hostSeconds'> | null
  rollingEndsAt(): Instant
}

/** A deployment as the head or the history keeps it. */
export const viewDeployment = (deployment: Deployment): DeploymentView => {
  const { phase, message } = deployment
  const ended = hasEnded(deployment) ? deployment : null
  return {
    ...withoutPhase(deployment),
    phase,
    status: statusOf(deployment),
    pausedUntil: deployment.phase === 'advancing' ? deployment.pausedUntil : null,
    reason: deployment.phase === 'advancing' ? null : deployment.reason,
    message,
    endedAt: ended?.endedAt ?? null,
    rolledBackBy: ended?.rolledBackBy ?? null,
  }
}

const findDeployment = ({ deployment }: Head): DeploymentView | null =>
  deployment === null || isRepair(deployment) ? null : viewDeployment(deployment)

const findRepair = ({ deployment }: Head): DeploymentView | null =>
  deployment !== null && isRepair(deployment) ? viewDeployment(deployment) : null

const kept = ({ deployment }: Head): Deployment => {
  if (deployment === null) throw new Error('there is no deployment')
  return deployment
}

/** The answers of the core's own functions about this head. */
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
  isRepairDue: (scan: Scan | null) => isRepairDue(head, scan, now),
  standing: (revision: Revision, seen: SeenHooks = {}, app: App = lettings) =>
    readinessOf(head, app, revision, seen, now),
  choice: (revisions: readonly Revision[], app: App = lettings) =>
    choose(head, app, revisions, {}, now),
  lost: (revisions: readonly Revision[], app: App) =>
    listMissingEvidence(head, app, revisions, {}, now),
  limits: (purpose: Purpose) => operationLimits(kept(head), purpose, now),
  rollingEndsAt: () => rollingEndsAt(kept(head)),
})

export const viewHead = (head: Head, now: Instant): Views => {
  const deployment = findDeployment(head)
  const repair = findRepair(head)
  const instances = (deployment ?? repair)?.instances ?? []
  return {
    ...head,
    deployment,
    repair,
    isIdle: head.deployment === null,
    instances,
    statuses: instances.map(({ status }) => status),
    command: intentOf(head),
    live: liveRelease(head),
    suspects: head.finished,
    watcher: head.poller,
    stored: head,
    hasWork: hasWork(head),
    ...toQuestions(head, now),
  }
}
