import type { App } from '../deployment/app.ts'
import { isNamedByCommit } from '../deployment/choose.ts'
import { liveRelease } from '../deployment/head.ts'
import { sortFindings, type Finding, type InstancePlan } from '../deployment/plan.ts'
import type { AppName, Digest, RevisionId } from '../kernel/id.ts'
import { findPredeployInstance } from './order.ts'
import { gatherFacts, type PlanPorts } from './plan-facts.ts'
import { findOnApp, type AppFacts, type Chosen } from './plan-findings.ts'
import { openForPlan, rememberTargets, tellFailure, type PlannedOpening } from './plan-opening.ts'

export interface Plan {
  readonly app: AppName
  /** Whether a deployment would succeed, as far as can be seen from here. */
  readonly ok: boolean
  readonly would: string
  readonly findings: readonly Finding[]
  readonly revision: Pick<Chosen, 'from' | 'id'> & { readonly digest: Digest | null }
  readonly live: { readonly generation: number; readonly digest: Digest } | null
  readonly instances: readonly InstancePlan[]
}

const toDigest = ({ chosen, image, app }: AppFacts): Digest | null =>
  image?.found.ok === true && (chosen.from !== 'nothing' || !isNamedByCommit(app))
    ? image.found.value
    : null

/** The image is looked for before anything is opened, and instances are sent to after it. */
const toPlannedEnding = (opened: PlannedOpening, findings: readonly Finding[]): string | null => {
  const problems = findings.filter(({ level }) => level === 'problem')
  const image = problems.find(({ what, instance }) => what === 'image' && instance === undefined)
  const [first] = problems
  return image?.reason ?? opened.failure?.reason ?? first?.reason ?? first?.what ?? null
}

const toSentence = (
  { chosen }: AppFacts,
  findings: readonly Finding[],
  opened: PlannedOpening,
): string => {
  const ending = toPlannedEnding(opened, findings)
  if (ending !== null) return `fail: ${ending}`
  const held = findings.find(
    ({ level, reason }) => level === 'warning' && holds.includes(reason ?? ''),
  )
  if (held !== undefined) return `wait: ${held.message}`
  const { instances } = opened
  const waves = new Set(instances.map(({ target, wave }) => `${target} ${wave}`)).size
  const where = `to ${instances.length} ${instances.length === 1 ? 'instance' : 'instances'} in ${waves} ${waves === 1 ? 'wave' : 'waves'}`
  return `${chosen.from === 'live' ? 'deploy what is live again' : `deploy ${chosen.id}`} ${where}`
}

const holds: readonly string[] = [
  'going_back',
  'deployment_open',
  'app_frozen',
  'request_pending',
  'evidence_missing',
  'image_missing',
  'image_unlabelled',
  'quarantined',
  'ci_missing',
  'ci_failed',
  'superseded',
  'wait_expired',
]

/** What a deployment of the app would do, instance by instance, and what would stand in its way. */
export const createPlan =
  (ports: PlanPorts) =>
  async (app: App, wanted: RevisionId | null): Promise<Plan> => {
    const facts = await gatherFacts(ports, app, wanted)
    const { chosen } = facts
    const digest = toDigest(facts)
    const toTarget = rememberTargets(ports)
    const order = { app, commit: chosen.commit, digest }
    const [opened, views] = await Promise.all([
      openForPlan({ ...ports, toTarget }, facts, digest),
      Promise.all(
        app.targets.map((settings, target) => toTarget(settings).look({ ...order, target })),
      ),
    ])
    const release = liveRelease(facts.head)
    const live =
      release === null ? null : { generation: release.generation, digest: release.digest }
    const predeployOn = findPredeployInstance(opened)?.id ?? null
    const planned = views.map((view, index) => {
      const key = app.targets[index]?.key
      const own = opened.instances.filter(({ target }) => target === key)
      return view.plan({ opened: own, predeployOn, live })
    })
    const found = [
      ...findOnApp(facts, opened.release),
      ...planned.flatMap(({ findings }) => findings),
    ]
    const findings = sortFindings(tellFailure(opened, found))
    return {
      app: app.name,
      ok: findings.every(({ level }) => level !== 'problem'),
      would: toSentence(facts, findings, opened),
      findings,
      revision: { from: chosen.from, id: chosen.id, digest },
      live,
      instances: planned.flatMap(({ instances }) => instances),
    }
  }
