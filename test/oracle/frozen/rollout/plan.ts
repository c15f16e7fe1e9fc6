import type { App } from '../deployment/app.ts'
import { isNamedByCommit } from '../deployment/choose.ts'
import { liveRelease } from '../deployment/head.ts'
import {
  sortFindings,
  type Finding,
  type InstancePlan,
  type TargetView,
} from '../deployment/plan.ts'
import type { AppName, Digest, RevisionId } from '../kernel/id.ts'
import { gatherFacts, type PlanPorts } from './plan-facts.ts'
import { findOnApp, type AppFacts, type Chosen } from './plan-findings.ts'

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

const digestOf = ({ chosen, image, app }: AppFacts): Digest | null =>
  image?.found.ok === true && (chosen.from !== 'nothing' || !isNamedByCommit(app))
    ? image.found.value
    : null

const findEmpty = (views: readonly (TargetView | null)[]): readonly Finding[] =>
  views.flatMap((view, index) =>
    view?.instances.length === 0
      ? [
          {
            level: 'problem' as const,
            what: 'instances',
            reason: 'no_instances' as const,
            message: `target ${index + 1} selects no running instance: is the tag that instances names on it?`,
          },
        ]
      : [],
  )

const toSentence = (
  { chosen }: AppFacts,
  findings: readonly Finding[],
  instances: readonly InstancePlan[],
): string => {
  const problem = findings.find(({ level }) => level === 'problem')
  if (problem !== undefined) return `fail: ${problem.reason ?? problem.what}`
  const held = findings.find(
    ({ level, reason }) => level === 'warning' && holds.includes(reason ?? ''),
  )
  if (held !== undefined) return `wait: ${held.message}`
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
    const digest = digestOf(facts)
    const order = { app, commit: chosen.commit, digest }
    const views = await Promise.all(
      app.targets.map((settings, target) => ports.lookAt(settings, { ...order, target })),
    )
    const release = liveRelease(facts.head)
    const live =
      release === null ? null : { generation: release.generation, digest: release.digest }
    const [predeployOn = null] = views.flatMap((view, target) =>
      app.targets[target]?.kind === 'ec2' ? (view?.instances ?? []) : [],
    )
    const planned = views.flatMap((view) => view?.plan({ predeployOn, live }) ?? [])
    const instances = planned.flatMap((one) => one.instances)
    const findings = sortFindings([
      ...findOnApp(facts),
      ...findEmpty(views),
      ...planned.flatMap((one) => one.findings),
    ])
    return {
      app: app.name,
      ok: findings.every(({ level }) => level !== 'problem'),
      would: toSentence(facts, findings, instances),
      findings,
      revision: { from: chosen.from, id: chosen.id, digest },
      live,
      instances,
    }
  }
