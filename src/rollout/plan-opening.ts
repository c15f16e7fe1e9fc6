import type { TargetSettings } from '../deployment/app.ts'
import { hasEnded, type Deployment, type InstanceState } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { open } from '../deployment/open.ts'
import type { Finding } from '../deployment/plan.ts'
import type { Opening } from '../deployment/observation.ts'
import { Digest } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { succeed } from '../kernel/result.ts'
import { Retryable } from '../kernel/retryable.ts'
import { gatherOpening } from './gather-opening.ts'
import type { PlanPorts } from './plan-facts.ts'
import type { AppFacts } from './plan-findings.ts'

/** Stands for the image that is not known yet: an opening does not depend on it, and it is never shown. */
const anyDigest = Digest.parse(`sha256:${'0'.repeat(64)}`)

/** Each of the app's targets once, so that what it lists is listed once. */
export const rememberTargets = ({ toTarget }: Pick<PlanPorts, 'toTarget'>) => {
  const known = new Map<TargetSettings, ReturnType<typeof toTarget>>()
  return (settings: TargetSettings): ReturnType<typeof toTarget> => {
    const target = known.get(settings) ?? toTarget(settings)
    known.set(settings, target)
    return target
  }
}

/** A secret that cannot be read now only delays an opening; that is a finding of its own. */
const toUnread = (error: unknown) => {
  if (error instanceof Retryable) return succeed('unread')
  throw error
}

/** What only delays an opening is taken for over; that it is there is a finding of its own. */
const withoutHolds = (head: Head): Head => ({
  ...head,
  deployment: null,
  rollback: null,
})

/** A deployment as it would be opened, and why it would end at once; `failure` is null where it would go on. */
export interface PlannedOpening {
  readonly release: Opening['release']
  readonly instances: readonly InstanceState[]
  readonly failure: { readonly reason: Reason; readonly message: string | null } | null
}

const toPlanned = (deployment: Deployment): PlannedOpening => {
  const { release, instances } = deployment
  if (!hasEnded(deployment)) return { release, instances, failure: null }
  const { reason, message } = deployment
  return { release, instances, failure: { reason, message } }
}

/** The deployment as reconcile would open it now, on a copy of the head that is never written. */
export const openForPlan = async (
  ports: PlanPorts,
  { app, head, chosen, now }: AppFacts,
  digest: Digest | null,
): Promise<PlannedOpening> => {
  const readSecretVersion: PlanPorts['readSecretVersion'] = (name) =>
    ports.readSecretVersion(name).catch(toUnread)
  const image = digest ?? anyDigest
  const opening = await gatherOpening({ ...ports, readSecretVersion }, app, {
    kind: 'redeploy',
    by: 'plan',
    order: null,
    // A freeze and a quarantine, too, are findings of their own.
    force: true,
    revision: chosen.id ?? image,
    commit: chosen.commit,
    digest: image,
  })
  const opened = open({ head: withoutHolds(head), events: [] }, opening, now)
  const deployment = opened.ok ? opened.value.head.deployment : null
  if (deployment !== null) return toPlanned(deployment)
  // Nothing holds it: it has no room in the journal, not even to say so.
  const reason = opened.ok ? 'too_many_instances' : opened.error
  return { release: opening.release, instances: [], failure: { reason, message: null } }
}

const openingSubjects: Partial<Record<Reason, string>> = {
  no_instances: 'instances',
  too_many_instances: 'instances',
  pauses_too_long: 'rollout',
  envelope_too_large: 'envelope',
  target_unsupported: 'target',
  secret_missing: 'secret',
  instance_offline: 'instance',
  agent_too_old: 'instance',
}

/**
 * The findings with what the opening itself fails for. Where that is found already, with what to do
 * about it, it is not told twice.
 */
export const tellFailure = (
  { failure }: PlannedOpening,
  found: readonly Finding[],
): readonly Finding[] => {
  if (failure === null) return found
  const { reason } = failure
  if (found.some((one) => one.reason === reason))
    return found.map((one) => (one.reason === reason ? { ...one, level: 'problem' } : one))
  const message = failure.message ?? reasons[reason]
  return [
    { level: 'problem', what: openingSubjects[reason] ?? 'deployment', reason, message },
    ...found,
  ]
}
