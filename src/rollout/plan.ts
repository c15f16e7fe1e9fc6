import type { PlanAnswer } from '../answers/plan.ts'
import type { App, TargetSettings } from '../deployment/app.ts'
import { isNamedByCommit } from '../deployment/choose.ts'
import { hasEnded, type InstanceState } from '../deployment/deployment.ts'
import { findTarget } from '../deployment/find-target.ts'
import { liveRelease } from '../deployment/head.ts'
import type { Opening } from '../deployment/observation.ts'
import { open } from '../deployment/open.ts'
import { originOf } from '../deployment/origin.ts'
import {
  sortFindings,
  type Finding,
  type InstancePlan,
  type TargetView,
} from '../deployment/plan.ts'
import { unlessDenied } from '../kernel/denied.ts'
import { Digest, type AppName, type RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { succeed } from '../kernel/result.ts'
import { gatherOpening } from './gather-opening.ts'
import { holdsCommit, isHeld } from './hold.ts'
import { findPredeployInstance } from './order.ts'
import type { LookOrder, PlannedTarget } from '../targets/target.ts'
import { gatherFacts, type AppFacts, type Chosen, type PlanPorts } from './plan-facts.ts'
import { addFailure, findOnApp, type OpeningFailure } from './plan-findings.ts'

/** More precise than what is promised outside. */
export interface Plan extends PlanAnswer {
  readonly app: AppName
  /** Whether a deployment would succeed, as far as can be seen from here. */
  readonly ok: boolean
  readonly would: string
  readonly findings: readonly Finding[]
  readonly revision: Pick<Chosen, 'from' | 'id'> & { readonly digest: Digest | null }
  readonly live: { readonly generation: number; readonly digest: Digest } | null
  readonly instances: readonly InstancePlan[]
}

/** A deployment as it would be opened, and why it would end at once; `failure` is null where it would go on. */
interface PlannedOpening {
  readonly release: Opening['release']
  readonly instances: readonly InstanceState[]
  readonly failure: OpeningFailure | null
}

/** Stands for an image that is not known yet: an opening does not depend on it, and it is never shown. */
const anyDigest = Digest.parse(`sha256:${'0'.repeat(64)}`)

/**
 * The deployment as reconcile would open it now, on a copy of the head that is never written. Everything
 * that only delays an opening (another deployment, a freeze, an unreadable secret) is a finding of its own,
 * so it is left out here.
 */
const openForPlan = async (
  ports: PlanPorts,
  { app, head, chosen, platforms, now }: AppFacts,
  digest: Digest | null,
): Promise<PlannedOpening> => {
  const readSecretVersion: PlanPorts['readSecretVersion'] = async (name) => {
    const version = await ports.readSecretVersion(name)
    return !version.ok && isHeld(version.error.reason) ? succeed('unread') : version
  }
  const image = digest ?? anyDigest
  const known = chosen.known && originOf(app, chosen.known)
  const wanted = { kind: 'redeploy', by: 'plan', order: null, force: true } as const
  const live = liveRelease(head)?.settings ?? null
  const images = { checkPlatforms: () => Promise.resolve(platforms) }
  const of = { revision: chosen.id ?? image, commit: chosen.commit, digest: image }
  const whole = { ...wanted, ...of, origin: known, promotedFrom: null }
  const opening = await gatherOpening({ ...ports, readSecretVersion, images }, app, live, whole, [])
  const idle = { ...head, deployment: null, rollback: null }
  const opened = open({ head: idle, events: [] }, opening, now)
  const deployment = opened.ok ? opened.value.head.deployment : null
  // The journal has no room for the deployment, not even for its failure.
  if (deployment === null) {
    const reason = opened.ok ? 'too_many_instances' : opened.error
    return { release: opening.release, instances: [], failure: { reason, message: null } }
  }
  const { release, instances } = deployment
  if (!hasEnded(deployment)) return { release, instances, failure: null }
  const { reason, message } = deployment
  return { release, instances, failure: { reason, message } }
}

/** A waiting deployment is not a failing one: these reasons only delay it. */
const delays: readonly Reason[] = [
  'going_back',
  'deployment_open',
  'app_frozen',
  'request_pending',
  'evidence_missing',
  'image_missing',
  'image_unlabelled',
  'manual',
  'quarantined',
  'ci_missing',
  'ci_failed',
  'superseded',
  'wait_expired',
]

/** In the order in which reconcile would meet them: first the image, then the opening, then the instances. */
const findEnding = ({ failure }: PlannedOpening, findings: readonly Finding[]): Reason | null => {
  const problems = findings.filter(
    ({ level, reason }) => level === 'problem' && reason !== undefined,
  )
  const image = problems.find(({ what, instance }) => what === 'image' && instance === undefined)
  const [first] = problems
  return image?.reason ?? failure?.reason ?? first?.reason ?? null
}

const describePlan = (
  { from, id }: Chosen,
  opened: PlannedOpening,
  findings: readonly Finding[],
): string => {
  const ending = findEnding(opened, findings)
  if (ending !== null)
    return `${from === 'waiting' && holdsCommit(ending) ? 'wait' : 'fail'}: ${ending}`
  const delay = findings.find(
    ({ level, reason }) => level === 'warning' && reason !== undefined && delays.includes(reason),
  )
  if (delay !== undefined) return `wait: ${delay.message}`
  const { instances } = opened
  const waves = new Set(instances.map(({ target, wave }) => `${target} ${wave}`)).size
  const where = `to ${instances.length} ${instances.length === 1 ? 'instance' : 'instances'} in ${waves} ${waves === 1 ? 'wave' : 'waves'}`
  return `${from === 'live' ? 'deploy what is live again' : `deploy ${id}`} ${where}`
}

/** Landfall's own is among them, so that an app without any is told from one whose secret cannot be read. */
const listEnvNames = ({ app, secret }: AppFacts): readonly string[] | null =>
  secret?.ok === false
    ? null
    : ['LANDFALL_APP', ...Object.keys(app.env), ...(secret === null ? [] : secret.value)]

/** Each of the app's targets once, so that its instances are listed once. */
const rememberTargets = ({ toTarget }: PlanPorts): PlanPorts['toTarget'] => {
  const known = new Map<TargetSettings, ReturnType<typeof toTarget>>()
  return (settings) => {
    const target = known.get(settings) ?? toTarget(settings)
    known.set(settings, target)
    return target
  }
}

const lookAt = async (target: PlannedTarget, order: LookOrder): Promise<TargetView> => {
  try {
    return await target.look(order)
  } catch (error) {
    const { message } = unlessDenied(error)
    const finding = { level: 'problem', what: 'instances', reason: 'aws_denied', message } as const
    return { plan: () => ({ instances: [], findings: [finding] }) }
  }
}

/** What a deployment of the app would do, instance by instance, and what would fail or delay it. */
export const createPlan =
  (ports: PlanPorts) =>
  async (app: App, wanted: RevisionId | null): Promise<Plan> => {
    const facts = await gatherFacts(ports, app, wanted)
    const { chosen, image } = facts
    const isOfRevision = chosen.from !== 'nothing' || !isNamedByCommit(app)
    const digest = image?.found.ok === true && isOfRevision ? image.found.value : null
    const toTarget = rememberTargets(ports)
    const order = { app, commit: chosen.commit, digest, envNames: listEnvNames(facts) }
    const [opened, views] = await Promise.all([
      openForPlan({ ...ports, toTarget }, facts, digest),
      Promise.all(
        app.targets.map((settings, target) => lookAt(toTarget(settings), { ...order, target })),
      ),
    ])
    const release = liveRelease(facts.head)
    const live =
      release === null ? null : { generation: release.generation, digest: release.digest }
    const predeployOn = findPredeployInstance(opened)?.id ?? null
    const planned = views.map((view, index) => {
      const key = app.targets[index]?.key
      const own = opened.instances.filter(({ target }) => target === key)
      const before = key && release ? findTarget(release.settings, key) : null
      return view.plan({ opened: own, predeployOn, live, before })
    })
    const found = [...findOnApp(facts, opened), ...planned.flatMap(({ findings }) => findings)]
    const findings = sortFindings(addFailure(opened.failure, found))
    return {
      app: app.name,
      ok: findings.every(({ level }) => level !== 'problem'),
      would: describePlan(chosen, opened, findings),
      findings,
      revision: { from: chosen.from, id: chosen.id, digest },
      live,
      instances: planned.flatMap(({ instances }) => instances),
    }
  }
