import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { InstanceId } from '../kernel/id.ts'
import { isReason } from '../kernel/reason.ts'
import { emit, toEnded, type Draft } from './apply.ts'
import { isPast } from './deadline.ts'
import { statusOf, type Deployment, type Release } from './deployment.ts'
import type { Event } from './event.ts'
import { headLimits, type Head } from './head.ts'
import { joinMessages, jsonBytes } from './message.ts'
import { channels, type Notice, type PendingNotice } from './notice.ts'
import type { NoticeOutcome } from './observation.ts'

/** A notice that was not sent by then is dropped. */
const noticeLifeSeconds = 3600

const ranPredeploy = ({ settings }: Release): boolean =>
  settings.targets.some(({ predeploy }) => predeploy !== null)

/** Whether the release that is taken back may have changed, by a `predeploy`, what a rollback does not undo. */
const isAfterPredeploy = (head: Head, deployment: Deployment): boolean => {
  if (statusOf(deployment) === 'rolled_back')
    return deployment.sentAt !== null && ranPredeploy(deployment.release)
  const left = head.releases.find(({ generation }) => generation === deployment.takesBack)
  return left !== undefined && ranPredeploy(left)
}

const toDeploymentNotice = (
  head: Head,
  deployment: Deployment,
  what: Pick<Notice, 'kind' | 'at' | 'reason' | 'message'>,
): readonly Notice[] => {
  const { generation, kind, by, takesBack } = deployment
  if (kind === 'repair') return []
  const { commit, digest, origin, promotedFrom, settings } = deployment.release
  const { environment } = settings
  const afterPredeploy = isAfterPredeploy(head, deployment)
  const of = { generation, kind, commit, digest, environment, takesBack }
  const shown = { ...of, afterPredeploy, origin, promotedFrom }
  return [{ ...what, id: `${generation}:${what.kind}`, by, deployment: shown }]
}

/** Of 50 at most, those that fit into a message. */
const nameInstances = (instances: readonly InstanceId[]): string => {
  const named = instances.slice(0, 5).join(', ')
  const more = instances.length - 5
  return more > 0 ? `${named} and ${more} more` : named
}

/** The notices that belong to no deployment: the event behind each, and what makes its id. */
const toAppNotice = (
  { deployment }: Head,
  event: Event,
  version: number,
): Pick<Notice, 'id' | 'kind' | 'by' | 'reason' | 'message'> | null => {
  if (event.kind === 'frozen') {
    const { by, reason } = event.freeze
    const isRule = event.cause === 'rule' && isReason(reason)
    const why = isRule ? { reason, message: null } : { reason: null, message: reason }
    return { id: `frozen:${version}`, kind: 'frozen', by, ...why }
  }
  if (event.kind === 'unfrozen') {
    const id = `unfrozen:${version}`
    return { id, kind: 'unfrozen', by: event.by, reason: null, message: null }
  }
  if (event.kind === 'rollback_refused') {
    const { request, reason } = event
    const id = `${request.generation}:not_rolled_back:${version}`
    return { id, kind: 'not_rolled_back', by: request.by, reason, message: null }
  }
  if (event.kind === 'revision_reported') {
    const { as: kind, revision, by, reason } = event
    const message = joinMessages([revision, event.message])
    return { id: `${kind}:${version}`, kind, by, reason, message }
  }
  if (event.kind === 'certificates_changed') {
    const id = `certificate_changed:${version}`
    const by = deployment?.by ?? 'convergence'
    const message = nameInstances(event.instances)
    return { id, kind: 'certificate_changed', by, reason: 'key_changed', message }
  }
  if (event.kind !== 'drift_found') return null
  const { by, message } = event
  return { id: `drifted:${version}`, kind: 'drifted', by, reason: 'drifted', message }
}

/**
 * The notices that an event gives rise to. `before` is the head that the event met, `version` the one that
 * the whole write began with: a notice has the same id in every attempt at the write.
 */
export const toNotices = (
  before: Head,
  event: Event,
  version: number,
  now: Instant,
): readonly Notice[] => {
  const { deployment } = before
  if (event.kind === 'deployment_started') {
    if (deployment?.phase !== 'advancing') return []
    const { message } = deployment
    const started = { kind: 'started', at: now, reason: null, message } as const
    return toDeploymentNotice(before, deployment, started)
  }
  if (event.kind === 'deployment_ended') {
    if (deployment === null) return []
    const ended = toEnded(deployment, event.ending, event.at)
    const { reason, message, status } = ended
    const isBack = ended.kind === 'rollback' && status === 'succeeded'
    const kind = isBack ? 'rolled_back' : status
    return toDeploymentNotice(before, ended, { kind, at: now, reason, message })
  }
  const own = toAppNotice(before, event, version)
  return own === null ? [] : [{ ...own, at: now, deployment: null }]
}

/** The newest ones that there is room for, each with its size when all channels but the last have it. */
const keepNewest = (notices: readonly PendingNotice[]): readonly PendingNotice[] => {
  let left = headLimits.noticesBytes
  return notices
    .toReversed()
    .slice(0, headLimits.notices)
    .filter((one) => {
      left -= jsonBytes({ ...one, sentTo: channels, tries: 9999, claimedUntil: one.at }) + 1
      return left >= 0
    })
    .toReversed()
}

export const addNotices = (head: Head, added: readonly Notice[]): Head => {
  if (added.length === 0) return head
  const pending = added.map((notice) => ({
    ...notice,
    message: notice.message?.slice(0, 300) ?? null,
    sentTo: [],
    tries: 0,
    dueAt: notice.at,
    claimedUntil: null,
  }))
  return { ...head, notices: keepNewest([...head.notices, ...pending]) }
}

export const dropOldNotices = (draft: Draft, now: Instant): Draft => {
  const old = draft.head.notices.filter(({ at }) => isPast(addSeconds(at, noticeLifeSeconds), now))
  return emit(draft, ...old.map(({ id }) => ({ kind: 'notice_dropped' as const, id })))
}

const isClaimed = ({ claimedUntil }: PendingNotice, now: Instant): boolean =>
  claimedUntil !== null && !isPast(claimedUntil, now)

const isNoticeDue = (notice: PendingNotice, now: Instant): boolean =>
  isPast(notice.dueAt, now) && !isClaimed(notice, now)

/** Sent side by side, the beginning of a deployment could arrive after its end. */
const isBehindAnother = (head: Head, { deployment }: PendingNotice, now: Instant): boolean =>
  deployment !== null &&
  head.notices.some(
    (other) => other.deployment?.generation === deployment.generation && isClaimed(other, now),
  )

/** The oldest notice that is to be sent now. */
export const dueNotice = (head: Head, now: Instant): PendingNotice | null =>
  head.notices.find((one) => isNoticeDue(one, now) && !isBehindAnother(head, one, now)) ?? null

/** Claims a notice for two channels of 10 s each and the writes around them; then another run may send it. */
export const claimNotice = (draft: Draft, id: string, now: Instant): Draft => {
  const due = draft.head.notices.find((notice) => notice.id === id)
  if (due === undefined || !isNoticeDue(due, now)) return draft
  return emit(draft, { kind: 'notice_claimed', id, until: addSeconds(now, 30) })
}

/** Drops the notice, or tries again after 15, 30, 60 … up to 300 s. */
export const settleNotice = (draft: Draft, outcome: NoticeOutcome, now: Instant): Draft => {
  const { id, sentTo, isDone, afterSeconds } = outcome
  const notice = draft.head.notices.find((one) => one.id === id)
  if (notice === undefined) return draft
  const gapSeconds = Math.min(300, 15 * 2 ** Math.max(0, notice.tries - 1))
  const dueAt = addSeconds(now, Math.max(gapSeconds, afterSeconds ?? 0))
  return isDone || isPast(addSeconds(notice.at, noticeLifeSeconds), dueAt)
    ? emit(draft, { kind: 'notice_dropped', id })
    : emit(draft, { kind: 'notice_tried', id, sentTo, dueAt })
}
