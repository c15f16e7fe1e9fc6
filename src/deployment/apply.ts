import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Event, EventKind } from './event.ts'
import {
  hasEnded,
  isRepair,
  withoutPhase,
  type Deployment,
  type InstanceState,
  type Intent,
  type OpenDeployment,
  type Withdrawing,
  type Ended,
  type Ending,
} from './deployment.ts'
import {
  keptOperations,
  type Head,
  keptFinished,
  keptReleases,
  liveRelease,
  type Finished,
} from './head.ts'
import { indexInstances, recordObserved } from './observed.ts'
import { addQuarantined, isSameContent } from './quarantine.ts'
import type { PendingNotice } from './notice.ts'
import { newerOrder } from './revision.ts'
import { cutMessage, keepWords } from './message.ts'

/** For how long the writer of an intent looks again by itself, before it leaves it to events and the clock. */
const watchSeconds = 25

const watchedBy = (by: string, at: Instant): Head['poller'] => ({
  by,
  until: addSeconds(at, watchSeconds),
})

const changeOpen = (head: Head, changed: (deployment: OpenDeployment) => OpenDeployment): Head => {
  const { deployment } = head
  return deployment === null || hasEnded(deployment)
    ? head
    : { ...head, deployment: changed(deployment) }
}

const changeIntent = (head: Head, changes: Partial<Intent>): Head =>
  changeOpen(head, (deployment) => ({
    ...deployment,
    intent: deployment.intent === null ? null : { ...deployment.intent, ...changes },
  }))

/** A wave that begins or is over ends the pause before it. */
const withIntent = (deployment: OpenDeployment, intent: Intent | null): OpenDeployment =>
  deployment.phase === 'advancing'
    ? { ...deployment, intent, pausedUntil: null }
    : { ...deployment, intent }

const issued = (deployment: OpenDeployment, intent: Intent): OpenDeployment => ({
  ...withIntent(deployment, intent),
  sentAt: deployment.sentAt ?? (intent.purpose === 'prepare' ? null : intent.at),
  instances: deployment.instances.map((instance) => touch(instance, intent)),
})

const withdrawn = (
  deployment: OpenDeployment,
  reason: Withdrawing['reason'],
  message: string | null,
): Withdrawing => ({
  ...withoutPhase(deployment),
  phase: 'withdrawing',
  intent: null,
  reason,
  message: cutMessage(message),
})

const changeNotice = (
  head: Head,
  id: string,
  changed: (notice: PendingNotice) => PendingNotice | null,
): Head => ({
  ...head,
  notices: head.notices.flatMap((notice) =>
    notice.id === id ? (changed(notice) ?? []) : [notice],
  ),
})

const touch = (instance: InstanceState, { purpose, target, instances }: Intent): InstanceState =>
  instance.target === target && instances.includes(instance.id)
    ? { ...instance, touched: instance.touched || purpose !== 'prepare' }
    : instance

/** A repair goes on under the number of the live release, and answers no request. */
const opened = (head: Head, deployment: Deployment): Head => {
  const { kind, generation } = deployment
  if (isRepair(deployment)) return { ...head, deployment }
  return {
    ...head,
    generation,
    deployment,
    request: kind === 'redeploy' ? null : head.request,
    rollback: kind === 'rollback' ? null : head.rollback,
  }
}

/** Instances that have it under its first number get it anew. */
const renumbered = (
  deployment: OpenDeployment,
  generation: Deployment['generation'],
): OpenDeployment => ({
  ...deployment,
  generation,
  release: { ...deployment.release, generation },
  instances: deployment.instances.map((one) =>
    one.status === 'succeeded' ? { ...one, status: 'pending' } : one,
  ),
})

/** The event is told or acted on; nothing of it is stored. */
const unstored = (head: Head): Head => head

const appliers: { readonly [Kind in EventKind]: (head: Head, event: Event<Kind>) => Head } = {
  operation_recorded: (head, { operation }) => ({
    ...head,
    operations: [operation, ...head.operations].slice(0, keptOperations),
  }),
  redeploy_requested: (head, { request }) => ({ ...head, request }),
  redeploy_refused: (head, { reason }) =>
    head.request === null ? head : { ...head, request: { ...head.request, refusal: reason } },
  rollback_requested: (head, { request }) => ({
    ...head,
    rollback: { ...request, refusal: null },
  }),
  rollback_refused: (head, { request, reason }) => ({
    ...head,
    rollback: { ...request, refusal: reason },
  }),
  rollback_settled: (head) => ({ ...head, rollback: null }),
  frozen: (head, { freeze }) => ({ ...head, freeze }),
  unfrozen: (head) => ({ ...head, freeze: null }),
  content_quarantined: (head, { entries }) => addQuarantined(head, entries),
  quarantine_lifted: (head, { entries }) => ({
    ...head,
    quarantine: head.quarantine.filter((one) => !entries.includes(one)),
  }),
  mark_raised: (head, { order }) => ({ ...head, mark: newerOrder(head.mark, order) }),

  deployment_opened: (head, { deployment }) => opened(head, deployment),
  deployment_started: (head) =>
    changeOpen(head, (deployment) =>
      deployment.phase === 'advancing' ? { ...deployment, isStarted: true } : deployment,
    ),
  command_issued: (head, { intent, by }) => ({
    ...changeOpen(head, (deployment) => issued(deployment, intent)),
    poller: watchedBy(by, intent.at),
  }),
  command_repeated: (head, { at, hostSeconds, by }) => ({
    ...changeIntent(head, { at, hostSeconds, repeated: true }),
    poller: watchedBy(by, at),
  }),
  command_sent: (head, { operation, instances }) => changeIntent(head, { operation, instances }),
  instances_reported: (head, { instances }) => {
    const reportedOf = indexInstances(instances)
    return changeOpen(head, (deployment) => ({
      ...deployment,
      instances: keepWords(deployment.instances.map((one) => reportedOf(one) ?? one)),
    }))
  },
  command_settled: (head) => changeOpen(head, (deployment) => withIntent(deployment, null)),
  command_abandoned: unstored,
  fence_seen: (head, { fence }) => ({ ...head, version: fence }),
  release_renumbered: (head, { generation }) => ({
    ...changeOpen(head, (deployment) => renumbered(deployment, generation)),
    generation,
  }),
  wave_paused: (head, { until }) => ({
    ...changeOpen(head, (deployment) =>
      deployment.phase === 'advancing' ? { ...deployment, pausedUntil: until } : deployment,
    ),
    poller: null,
  }),
  rollout_withdrawn: (head, { reason, message }) =>
    changeOpen(head, (deployment) => withdrawn(deployment, reason, message)),
  deployment_ended: (head, { ending, at }) => applyEnding(head, ending, at),
  deployment_archived: (head, { alarmsUntil }) => ({ ...head, deployment: null, alarmsUntil }),
  alarm_window_closed: (head) => ({ ...head, alarmsUntil: null }),

  instances_listed: (head, { observed }) => ({ ...head, observed: observed }),
  drift_found: unstored,

  notice_claimed: (head, { id, until }) =>
    changeNotice(head, id, (notice) => ({
      ...notice,
      claimedUntil: until,
      tries: notice.tries + 1,
    })),
  notice_tried: (head, { id, sentTo, dueAt }) =>
    changeNotice(head, id, (notice) => ({
      ...notice,
      sentTo: [...new Set([...notice.sentTo, ...sentTo])],
      dueAt,
      claimedUntil: null,
    })),
  notice_dropped: (head, { id }) => changeNotice(head, id, () => null),
}

/** What one event makes of a head. Total: it asks nothing and decides nothing. */
export const apply = <Kind extends EventKind>(head: Head, event: Event<Kind>): Head =>
  appliers[event.kind](head, event)

/** What an alarm will be judged by; nothing where nothing was sent, for then nothing is its fault. */
const toFinished = (head: Head, ended: Ended): readonly Finished[] => {
  const { generation, kind, status, release, firing, sentAt, endedAt } = ended
  if (sentAt === null || kind === 'repair') return []
  const live = liveRelease(head)
  const changed = live === null || !isSameContent(live, release)
  const { commit, digest } = release
  return [{ generation, kind, status, commit, digest, changed, firing, sentAt, endedAt }]
}

const keepReleases = (head: Head, { release, status }: Ended): Head['releases'] => {
  if (status !== 'succeeded') return head.releases
  const earlier = head.releases.filter(({ generation }) => generation !== release.generation)
  return [release, ...earlier].slice(0, keptReleases)
}

/** The deployment as it stays: its ending is written in the head first and never changes there. */
export const toEnded = (deployment: Deployment, ending: Ending, at: Instant): Ended => ({
  ...withoutPhase(deployment),
  phase: 'ended',
  ...ending,
  message: cutMessage(ending.message),
  rolledBackBy: ending.status === 'rolled_back' ? deployment.generation : null,
  endedAt: at,
})

/** What an ending makes of a head: what is live, what an alarm is judged by, what each instance serves. */
export const applyEnding = (head: Head, ending: Ending, at: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const ended = toEnded(deployment, ending, at)
  return {
    ...head,
    deployment: ended,
    releases: keepReleases(head, ended),
    finished: [...toFinished(head, ended), ...head.finished].slice(0, keptFinished),
    observed: recordObserved(head, ended, at),
    poller: null,
  }
}
