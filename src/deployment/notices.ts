import { addSeconds, type Instant } from '../kernel/clock.ts'
import { emit, type Draft } from './draft.ts'
import { toEnded } from './apply.ts'
import type { Event } from './event.ts'
import { statusOf, type Deployment, type Ended, type Release } from './deployment.ts'
import type { Head } from './head.ts'
import { isPast } from './deadline.ts'
import { isReason } from '../kernel/reason.ts'
import {
  channels,
  type Channel,
  type Notice,
  type NoticeKind,
  type PendingNotice,
  type NoticeDeployment,
} from './notice.ts'
import { jsonBytes } from './message.ts'

/** After this a fact is old news. */
const noticeLifeSeconds = 3600
const mostNotices = 20
/** The oldest are let go first. A fact with nothing unusual in it takes 600 bytes, the longest 6 KB. */
export const mostNoticesBytes = 16 * 1024
const mostMessage = 300
/** Two channels of 10 s each, and what the writes around them take. */
const claimSeconds = 30

const ranPredeploy = ({ settings }: Release): boolean =>
  settings.targets.some(({ predeploy }) => predeploy !== null)

/** What is gone back from, where it may have changed what nothing undoes. */
const isAfterPredeploy = (head: Head, deployment: Deployment): boolean => {
  if (statusOf(deployment) === 'rolled_back')
    return deployment.sentAt !== null && ranPredeploy(deployment.release)
  const left = head.releases.find(({ generation }) => generation === deployment.takesBack)
  return left !== undefined && ranPredeploy(left)
}

const toNoticeDeployment = (
  head: Head,
  deployment: Deployment,
  kind: NoticeDeployment['kind'],
): NoticeDeployment => ({
  generation: deployment.generation,
  kind,
  commit: deployment.release.commit,
  digest: deployment.release.digest,
  environment: deployment.release.settings.environment,
  takesBack: deployment.takesBack,
  afterPredeploy: isAfterPredeploy(head, deployment),
})

const toNoticeKind = ({ kind, status }: Ended): NoticeKind =>
  kind === 'rollback' && status === 'succeeded' ? 'rolled_back' : status

const toDeploymentNotice = (
  head: Head,
  deployment: Deployment,
  fact: Pick<Notice, 'kind' | 'at' | 'reason' | 'message'>,
): readonly Notice[] => {
  const { generation, kind, by } = deployment
  if (kind === 'repair') return []
  const id = `${generation}:${fact.kind}`
  return [{ ...fact, id, by, deployment: toNoticeDeployment(head, deployment, kind) }]
}

/** Facts that are no deployment's: where each comes from, and what makes its id. */
const toAppNotice = (
  event: Event,
  version: number,
): Pick<Notice, 'id' | 'kind' | 'by' | 'reason' | 'message'> | null => {
  if (event.kind === 'frozen') {
    const { by, reason } = event.freeze
    const isRule = event.cause === 'rule' && isReason(reason)
    const why = isRule ? { reason, message: null } : { reason: null, message: reason }
    return { id: `frozen:${version}`, kind: 'frozen', by, ...why }
  }
  if (event.kind === 'unfrozen')
    return {
      id: `unfrozen:${version}`,
      kind: 'unfrozen',
      by: event.by,
      reason: null,
      message: null,
    }
  if (event.kind === 'rollback_refused') {
    const { request, reason } = event
    const id = `${request.generation}:not_rolled_back:${version}`
    return { id, kind: 'not_rolled_back', by: request.by, reason, message: null }
  }
  if (event.kind !== 'drift_found') return null
  const { by, message } = event
  return { id: `drifted:${version}`, kind: 'drifted', by, reason: 'drifted', message }
}

/**
 * What an event makes worth telling. `before` is the head that the event met, `version` the one that the
 * whole write began with: a fact has the same id in every attempt at it.
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
    return toDeploymentNotice(before, deployment, {
      kind: 'started',
      at: now,
      reason: null,
      message,
    })
  }
  if (event.kind === 'deployment_ended') {
    if (deployment === null) return []
    const ended = toEnded(deployment, event.ending, event.at)
    const { reason, message } = ended
    return toDeploymentNotice(before, ended, {
      kind: toNoticeKind(ended),
      at: now,
      reason,
      message,
    })
  }
  const own = toAppNotice(event, version)
  return own === null ? [] : [{ ...own, at: now, deployment: null }]
}

const toPending = (fact: Notice): PendingNotice => ({
  ...fact,
  message: fact.message?.slice(0, mostMessage) ?? null,
  sentTo: [],
  tries: 0,
  dueAt: fact.at,
  claimedUntil: null,
})

/** As it is while it is told, to every channel but the last. */
const noticeBytes = (fact: PendingNotice): number =>
  jsonBytes({ ...fact, sentTo: channels, tries: 9999, claimedUntil: fact.at }) + 1

/** The newest ones that there is room for. */
const keepNewest = (notices: readonly PendingNotice[]): readonly PendingNotice[] => {
  let left = mostNoticesBytes
  return notices
    .toReversed()
    .slice(0, mostNotices)
    .filter((fact) => {
      left -= noticeBytes(fact)
      return left >= 0
    })
    .toReversed()
}

/** Adds what became worth telling. */
export const addNotices = (head: Head, facts: readonly Notice[]): Head =>
  facts.length === 0
    ? head
    : { ...head, notices: keepNewest([...head.notices, ...facts.map(toPending)]) }

/** What was not told by now is let go. */
export const dropOldNotices = (draft: Draft, now: Instant): Draft => {
  const old = draft.head.notices.filter(({ at }) => isPast(addSeconds(at, noticeLifeSeconds), now))
  return emit(draft, ...old.map(({ id }) => ({ kind: 'notice_dropped' as const, id })))
}

const isClaimed = ({ claimedUntil }: PendingNotice, now: Instant): boolean =>
  claimedUntil !== null && !isPast(claimedUntil, now)

const isNoticeDue = (fact: PendingNotice, now: Instant): boolean =>
  isPast(fact.dueAt, now) && !isClaimed(fact, now)

/** Told side by side, the beginning of a deployment could arrive after its end. */
const isBehindAnother = (head: Head, { deployment }: PendingNotice, now: Instant): boolean =>
  deployment !== null &&
  head.notices.some(
    (other) => other.deployment?.generation === deployment.generation && isClaimed(other, now),
  )

/** The oldest fact that is to be told now. */
export const dueNotice = (head: Head, now: Instant): PendingNotice | null =>
  head.notices.find((fact) => isNoticeDue(fact, now) && !isBehindAnother(head, fact, now)) ?? null

/** Whoever writes this tells it; where nothing comes of it, another may after the claim. */
export const claimNotice = (draft: Draft, id: string, now: Instant): Draft => {
  const due = draft.head.notices.find((fact) => fact.id === id)
  if (due === undefined || !isNoticeDue(due, now)) return draft
  return emit(draft, { kind: 'notice_claimed', id, until: addSeconds(now, claimSeconds) })
}

/** 15, 30, 60 … up to 300 s. */
const retryGapSeconds = (tries: number): number => Math.min(300, 15 * 2 ** Math.max(0, tries - 1))

/** What came of telling a fact: the channels that have it, and whether others are still to have it. */
export interface NoticeOutcome {
  readonly id: string
  readonly sentTo: readonly Channel[]
  readonly isDone: boolean
  /** What a channel that is busy asked for. */
  readonly afterSeconds: number | null
}

export const settleNotice = (draft: Draft, result: NoticeOutcome, now: Instant): Draft => {
  const { id, sentTo, isDone, afterSeconds } = result
  const fact = draft.head.notices.find((one) => one.id === id)
  if (fact === undefined) return draft
  const dueAt = addSeconds(now, Math.max(retryGapSeconds(fact.tries), afterSeconds ?? 0))
  return isDone || isPast(addSeconds(fact.at, noticeLifeSeconds), dueAt)
    ? emit(draft, { kind: 'notice_dropped', id })
    : emit(draft, { kind: 'notice_tried', id, sentTo, dueAt })
}
