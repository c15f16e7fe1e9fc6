import { addSeconds, type Instant } from '../kernel/clock.ts'
import { emit, type Draft } from './draft.ts'
import { toEnded } from './ending.ts'
import type { Event } from './event.ts'
import { statusOf, type Deployment, type Ended, type Release } from './deployment.ts'
import type { Head } from './head.ts'
import { isPast } from './deadline.ts'
import { isReason } from '../kernel/reason.ts'
import {
  channels,
  type Channel,
  type Fact,
  type FactKind,
  type OwedFact,
  type ToldDeployment,
} from './report.ts'
import { jsonBytes } from './words.ts'

/** After this a fact is old news. */
const owedSeconds = 3600
const mostOwed = 20
/** The oldest are let go first. A fact with nothing unusual in it takes 600 bytes, the longest 6 KB. */
export const mostOwedBytes = 16 * 1024
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

const tell = (
  head: Head,
  deployment: Deployment,
  kind: ToldDeployment['kind'],
): ToldDeployment => ({
  generation: deployment.generation,
  kind,
  commit: deployment.release.commit,
  digest: deployment.release.digest,
  environment: deployment.release.settings.environment,
  takesBack: deployment.takesBack,
  afterPredeploy: isAfterPredeploy(head, deployment),
})

const endingOf = ({ kind, status }: Ended): FactKind =>
  kind === 'rollback' && status === 'succeeded' ? 'rolled_back' : status

const ofDeployment = (
  head: Head,
  deployment: Deployment,
  fact: Pick<Fact, 'kind' | 'at' | 'reason' | 'message'>,
): readonly Fact[] => {
  const { generation, kind, by } = deployment
  if (kind === 'converge') return []
  const id = `${generation}:${fact.kind}`
  return [{ ...fact, id, by, deployment: tell(head, deployment, kind) }]
}

/** Facts that are no deployment's: where each comes from, and what makes its id. */
const toOwnFact = (
  event: Event,
  version: number,
): Pick<Fact, 'id' | 'kind' | 'by' | 'reason' | 'message'> | null => {
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
    const { takeBack, reason } = event
    const id = `${takeBack.generation}:not_rolled_back:${version}`
    return { id, kind: 'not_rolled_back', by: takeBack.by, reason, message: null }
  }
  if (event.kind !== 'drift_found') return null
  const { by, message } = event
  return { id: `drifted:${version}`, kind: 'drifted', by, reason: 'drifted', message }
}

/**
 * What an event makes worth telling. `before` is the head that the event met, `version` the one that the
 * whole write began with: a fact has the same id in every attempt at it.
 */
export const toFacts = (
  before: Head,
  event: Event,
  version: number,
  now: Instant,
): readonly Fact[] => {
  const { deployment } = before
  if (event.kind === 'deployment_started') {
    if (deployment?.phase !== 'advancing') return []
    const { message } = deployment
    return ofDeployment(before, deployment, { kind: 'started', at: now, reason: null, message })
  }
  if (event.kind === 'deployment_ended') {
    if (deployment === null) return []
    const ended = toEnded(deployment, event.ending, event.at)
    const { reason, message } = ended
    return ofDeployment(before, ended, { kind: endingOf(ended), at: now, reason, message })
  }
  const own = toOwnFact(event, version)
  return own === null ? [] : [{ ...own, at: now, deployment: null }]
}

const owe = (fact: Fact): OwedFact => ({
  ...fact,
  message: fact.message?.slice(0, mostMessage) ?? null,
  told: [],
  tries: 0,
  dueAt: fact.at,
  claimedUntil: null,
})

/** As it is while it is told, to every channel but the last. */
const owedBytes = (fact: OwedFact): number =>
  jsonBytes({ ...fact, told: channels, tries: 9999, claimedUntil: fact.at }) + 1

/** The newest ones that there is room for. */
const keepOwed = (owed: readonly OwedFact[]): readonly OwedFact[] => {
  let left = mostOwedBytes
  return owed
    .toReversed()
    .slice(0, mostOwed)
    .filter((fact) => {
      left -= owedBytes(fact)
      return left >= 0
    })
    .toReversed()
}

/** Adds what became worth telling. */
export const oweFacts = (head: Head, facts: readonly Fact[]): Head =>
  facts.length === 0 ? head : { ...head, owed: keepOwed([...head.owed, ...facts.map(owe)]) }

/** What was not told by now is let go. */
export const dropOldFacts = (draft: Draft, now: Instant): Draft => {
  const old = draft.head.owed.filter(({ at }) => isPast(addSeconds(at, owedSeconds), now))
  return emit(draft, ...old.map(({ id }) => ({ kind: 'notice_dropped' as const, id })))
}

const isClaimed = ({ claimedUntil }: OwedFact, now: Instant): boolean =>
  claimedUntil !== null && !isPast(claimedUntil, now)

const isDue = (fact: OwedFact, now: Instant): boolean =>
  isPast(fact.dueAt, now) && !isClaimed(fact, now)

/** Told side by side, the beginning of a deployment could arrive after its end. */
const isBehindAnother = (head: Head, { deployment }: OwedFact, now: Instant): boolean =>
  deployment !== null &&
  head.owed.some(
    (other) => other.deployment?.generation === deployment.generation && isClaimed(other, now),
  )

/** The oldest fact that is to be told now. */
export const dueFact = (head: Head, now: Instant): OwedFact | null =>
  head.owed.find((fact) => isDue(fact, now) && !isBehindAnother(head, fact, now)) ?? null

/** Whoever writes this tells it; where nothing comes of it, another may after the claim. */
export const claimFact = (draft: Draft, id: string, now: Instant): Draft => {
  const due = draft.head.owed.find((fact) => fact.id === id)
  if (due === undefined || !isDue(due, now)) return draft
  return emit(draft, { kind: 'notice_claimed', id, until: addSeconds(now, claimSeconds) })
}

/** 15, 30, 60 … up to 300 s. */
const gapSeconds = (tries: number): number => Math.min(300, 15 * 2 ** Math.max(0, tries - 1))

/** What came of telling a fact: the channels that have it, and whether others are still to have it. */
export interface Told {
  readonly id: string
  readonly told: readonly Channel[]
  readonly isDone: boolean
  /** What a channel that is busy asked for. */
  readonly afterSeconds: number | null
}

export const settleFact = (draft: Draft, result: Told, now: Instant): Draft => {
  const { id, told, isDone, afterSeconds } = result
  const fact = draft.head.owed.find((one) => one.id === id)
  if (fact === undefined) return draft
  const dueAt = addSeconds(now, Math.max(gapSeconds(fact.tries), afterSeconds ?? 0))
  return isDone || isPast(addSeconds(fact.at, owedSeconds), dueAt)
    ? emit(draft, { kind: 'notice_dropped', id })
    : emit(draft, { kind: 'notice_tried', id, told, dueAt })
}
