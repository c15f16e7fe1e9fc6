import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Event, EventKind } from './event.ts'
import {
  hasEnded,
  isRepair,
  withoutPhase,
  type Deployment,
  type Intent,
  type OpenDeployment,
  type Withdrawing,
  type Ended,
  type Ending,
} from './deployment.ts'
import { headLimits, liveRelease, type Finished, type Head } from './head.ts'
import { cutMessage, limitMessages } from './message.ts'
import type { PendingNotice } from './notice.ts'
import { indexInstances, recordObserved } from './observed.ts'
import { addQuarantined, isSameContent } from './quarantine.ts'
import { newerOrder } from './revision.ts'

/** The writer of an intent polls for 25 s, then leaves the answers to events and the schedule. */
const toPoller = (by: string, at: Instant): Head['poller'] => ({ by, until: addSeconds(at, 25) })

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

/** A wave that begins or ends clears the pause before it. */
const withIntent = (deployment: OpenDeployment, intent: Intent | null): OpenDeployment =>
  deployment.phase === 'advancing'
    ? { ...deployment, intent, pausedUntil: null }
    : { ...deployment, intent }

const issued = (deployment: OpenDeployment, intent: Intent): OpenDeployment => {
  const { purpose, target, instances, at } = intent
  const issuing = withIntent(deployment, intent)
  if (purpose === 'prepare') return issuing
  return {
    ...issuing,
    sentAt: deployment.sentAt ?? at,
    instances: deployment.instances.map((one) =>
      one.target === target && instances.includes(one.id) ? { ...one, touched: true } : one,
    ),
  }
}

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

/** A repair keeps the number of the live release, and answers no request. */
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

/** Instances that have the release under its first number are deployed to again. */
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

const appliers: { readonly [Kind in EventKind]: (head: Head, event: Event<Kind>) => Head } = {
  operation_recorded: (head, { operation }) => ({
    ...head,
    operations: [operation, ...head.operations].slice(0, headLimits.operations),
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
    poller: toPoller(by, intent.at),
  }),
  command_repeated: (head, { at, hostSeconds, by }) => ({
    ...changeIntent(head, { at, hostSeconds, repeated: true }),
    poller: toPoller(by, at),
  }),
  command_sent: (head, { operation, instances }) => changeIntent(head, { operation, instances }),
  instances_reported: (head, { instances }) => {
    const reportedOf = indexInstances(instances)
    return changeOpen(head, (deployment) => ({
      ...deployment,
      instances: limitMessages(deployment.instances.map((one) => reportedOf(one) ?? one)),
    }))
  },
  command_settled: (head) => changeOpen(head, (deployment) => withIntent(deployment, null)),
  // Changes no state: `toActions` cancels the command.
  command_abandoned: (head) => head,
  // These two change no state: `toNotices` makes a notice of each.
  revision_reported: (head) => head,
  certificates_changed: (head) => head,
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

  instances_listed: (head, { observed }) => ({ ...head, observed }),
  // Changes no state: `toNotices` makes a notice of it.
  drift_found: (head) => head,

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

/** The head after one event. Total: it asks nothing and decides nothing. */
export const apply = <Kind extends EventKind>(head: Head, event: Event<Kind>): Head =>
  appliers[event.kind](head, event)

/** The record that alarms are judged by; none where nothing was sent: then nothing is its fault. */
const toFinished = (head: Head, ended: Ended): readonly Finished[] => {
  const { generation, kind, status, release, firing, sentAt, endedAt } = ended
  if (sentAt === null || kind === 'repair') return []
  const { commit, digest } = release
  const live = liveRelease(head)
  const changed = live === null || !isSameContent(live, release)
  return [{ generation, kind, status, commit, digest, changed, firing, sentAt, endedAt }]
}

const keepReleases = (head: Head, { release, status }: Ended): Head['releases'] => {
  if (status !== 'succeeded') return head.releases
  const earlier = head.releases.filter(({ generation }) => generation !== release.generation)
  return [release, ...earlier].slice(0, headLimits.releases)
}

/** The deployment with its ending, which is written to the head first and never changes there. */
export const toEnded = (deployment: Deployment, ending: Ending, at: Instant): Ended => ({
  ...withoutPhase(deployment),
  phase: 'ended',
  ...ending,
  message: cutMessage(ending.message),
  rolledBackBy: ending.status === 'rolled_back' ? deployment.generation : null,
  endedAt: at,
})

/** The head after an ending: what is live, what alarms are judged by, what each instance serves. */
const applyEnding = (head: Head, ending: Ending, at: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const ended = toEnded(deployment, ending, at)
  return {
    ...head,
    deployment: ended,
    releases: keepReleases(head, ended),
    finished: [...toFinished(head, ended), ...head.finished].slice(0, headLimits.finished),
    observed: recordObserved(head, ended, at),
    poller: null,
  }
}

/** What is decided so far, and the head that it leads to: the next decision is taken from that head. */
export interface Draft {
  readonly head: Head
  readonly events: readonly Event[]
}

export const emit = ({ head, events }: Draft, ...added: readonly Event[]): Draft => ({
  head: added.reduce(apply, head),
  events: [...events, ...added],
})
