import { addSeconds, type Instant } from '../kernel/clock.ts'
import {
  hasEnded,
  isConverging,
  type Deployment,
  type Head,
  type InstanceState,
  type Release,
} from './head.ts'
import { hasDrifted, placeOf } from './places.ts'
import { isPast } from './deadline.ts'
import { isReason } from '../kernel/reason.ts'
import type { Channel, Fact, FactKind, OwedFact, ToldDeployment } from './report.ts'

/** After this a fact is old news. */
const owedSeconds = 3600
const mostOwed = 20
const mostMessage = 300
/** Two channels of 10 s each, and what the writes around them take. */
const claimSeconds = 30

const ranPredeploy = ({ settings }: Release): boolean =>
  settings.targets.some((target) => target.kind === 'ec2' && target.predeploy !== null)

/** What is gone back from, where it may have changed what nothing undoes. */
const isAfterPredeploy = (head: Head, deployment: Deployment): boolean => {
  if (deployment.status === 'rolled_back')
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

const endingOf = ({ kind, status }: Deployment): FactKind | null => {
  if (status === 'queued' || status === 'in_progress') return null
  return kind === 'rollback' && status === 'succeeded' ? 'rolled_back' : status
}

const ofDeployment = (
  head: Head,
  deployment: Deployment,
  deploymentKind: ToldDeployment['kind'],
  kind: FactKind,
  at: Instant,
): Fact => ({
  id: `${deployment.generation}:${kind}`,
  kind,
  at,
  by: deployment.by,
  reason: deployment.reason,
  message: deployment.message?.slice(0, mostMessage) ?? null,
  deployment: tell(head, deployment, deploymentKind),
})

const deploymentFacts = (before: Head, after: Head, now: Instant): readonly Fact[] => {
  const { deployment } = after
  if (deployment === null || deployment.kind === 'converge') return []
  const { kind } = deployment
  const was = before.deployment
  const isBegun = deployment.status === 'in_progress' && was?.status !== 'in_progress'
  const ending = was !== null && hasEnded(was) ? null : endingOf(deployment)
  return [
    ...(isBegun ? [ofDeployment(after, deployment, kind, 'started', now)] : []),
    ...(ending === null ? [] : [ofDeployment(before, deployment, kind, ending, now)]),
  ]
}

const freezeFacts = (before: Head, after: Head, now: Instant): readonly Fact[] => {
  const told = { reason: null, at: now, deployment: null }
  if (after.freeze !== null && after.freeze !== before.freeze) {
    const { by, reason } = after.freeze
    const isOwn = after.operations === before.operations && isReason(reason)
    const why = isOwn ? { reason, message: null } : { message: reason }
    return [{ ...told, id: `frozen:${before.version}`, kind: 'frozen', by, ...why }]
  }
  if (after.freeze !== null || before.freeze === null) return []
  const by = after.operations[0]?.by ?? before.freeze.by
  return [{ ...told, id: `unfrozen:${before.version}`, kind: 'unfrozen', by, message: null }]
}

const refusalFacts = (before: Head, after: Head, now: Instant): readonly Fact[] => {
  const { takeBack } = after
  if (takeBack === null || takeBack.refusal === null) return []
  if (before.takeBack?.refusal === takeBack.refusal && before.takeBack.at === takeBack.at) return []
  const { by, refusal } = takeBack
  const id = `${takeBack.generation}:not_rolled_back:${before.version}`
  return [
    { id, kind: 'not_rolled_back', at: now, by, reason: refusal, message: null, deployment: null },
  ]
}

/** Who is still to be put right at the end: for the reason why it ended. */
const sayDrift = (deployment: Deployment, { id, status, reason }: InstanceState): string => {
  if (status === 'succeeded') return `${id} was put right`
  if (status === 'failed' && reason === 'drifted') return `${id} is left as it is (drift: report)`
  const why = status === 'pending' ? deployment.reason : reason
  return `${id} could not be put right (${why ?? 'no_answer'})`
}

/** Told once, however often it is met again. */
const isNewDrift = (before: Head, instance: InstanceState): boolean =>
  hasDrifted(before, instance) &&
  placeOf(before, instance)?.reason !== 'drifted' &&
  (instance.touched || instance.reason === 'drifted')

const driftFacts = (before: Head, after: Head, now: Instant): readonly Fact[] => {
  const { deployment } = after
  if (deployment === null || !isConverging(deployment) || !hasEnded(deployment)) return []
  if (before.deployment !== null && hasEnded(before.deployment)) return []
  const drifted = deployment.instances.filter((instance) => isNewDrift(before, instance))
  if (drifted.length === 0) return []
  const message = drifted
    .map((one) => sayDrift(deployment, one))
    .join('; ')
    .slice(0, mostMessage)
  const { by } = deployment
  const id = `drifted:${before.version}`
  return [{ id, kind: 'drifted', at: now, by, reason: 'drifted', message, deployment: null }]
}

const owe = (fact: Fact): OwedFact => ({
  ...fact,
  told: [],
  tries: 0,
  dueAt: fact.at,
  claimedUntil: null,
})

/** Adds what a write makes worth telling. */
export const oweFacts = (before: Head, after: Head, now: Instant): Head => {
  const facts = [deploymentFacts, freezeFacts, refusalFacts, driftFacts].flatMap((find) =>
    find(before, after, now),
  )
  return { ...after, owed: [...after.owed, ...facts.map(owe)].slice(-mostOwed) }
}

/** What was not told by now is let go. */
export const dropOldFacts = (head: Head, now: Instant): Head => {
  const owed = head.owed.filter(({ at }) => !isPast(addSeconds(at, owedSeconds), now))
  return owed.length === head.owed.length ? head : { ...head, owed }
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

const replace = (head: Head, id: string, change: (fact: OwedFact) => OwedFact | null): Head => ({
  ...head,
  owed: head.owed.flatMap((fact) => (fact.id === id ? (change(fact) ?? []) : [fact])),
})

/** Whoever writes this tells it; where nothing comes of it, another may after the claim. */
export const claimFact = (head: Head, id: string, now: Instant): Head => {
  const due = head.owed.find((fact) => fact.id === id)
  if (due === undefined || !isDue(due, now)) return head
  const claimedUntil = addSeconds(now, claimSeconds)
  return replace(head, id, (fact) => ({ ...fact, claimedUntil, tries: fact.tries + 1 }))
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

export const settleFact = (head: Head, { id, told, isDone, afterSeconds }: Told, now: Instant) => {
  if (!head.owed.some((fact) => fact.id === id)) return head
  return replace(head, id, (fact) => {
    const dueAt = addSeconds(now, Math.max(gapSeconds(fact.tries), afterSeconds ?? 0))
    if (isDone || isPast(addSeconds(fact.at, owedSeconds), dueAt)) return null
    return { ...fact, told: [...new Set([...fact.told, ...told])], dueAt, claimedUntil: null }
  })
}
