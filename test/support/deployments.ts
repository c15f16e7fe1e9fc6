import type { Candidate, Deployment } from '../../src/deployment/deployment.ts'
import { createHead, type Head, type ObservedInstance } from '../../src/deployment/head.ts'
import type { Answer } from '../../src/deployment/step.ts'
import { decide, evolve } from '../../src/deployment/transition.ts'
import { addSeconds, type Instant } from '../../src/kernel/clock.ts'
import { Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import { toReleaseSettings, type App, type Ec2Settings } from '../../src/deployment/app.ts'
import type { Revision } from '../../src/deployment/revision.ts'
import type { Opening } from '../../src/deployment/observation.ts'
import { appOf } from './apps.ts'
import { answerOf } from './hosts.ts'
import { commitAt, digestAt, ec2, orderAt, originAt } from './examples.ts'
import { keyAt } from './targets.ts'

/** The moment of the first opening in these tests. */
export const start: Instant = '2026-11-20T10:00:00.000Z'
export const after = (seconds: number): Instant => addSeconds(start, seconds)

export const instanceAt = (index: number): InstanceId => InstanceId.parse(`i-0000000${index}`)
export const lettings = appOf('oc-lettings', { targets: [ec2()] })

/** The fleets of an app, as instances and commands name them. */
export const firstTarget = keyAt(0)
export const secondTarget = keyAt(1)

/** The settings of two fleets. */
export const twoFleets = (changes: Partial<Ec2Settings> = {}): App['targets'] => [
  ec2(changes),
  ec2({ ...changes, key: secondTarget }),
]

/** An instance that a target selects. */
export const candidateAt = (index: number, changes: Partial<Candidate> = {}): Candidate => ({
  id: instanceAt(index),
  target: firstTarget,
  obstacle: null,
  warning: null,
  ...changes,
})

export const openingOf = (
  index: number,
  instances: number,
  { capacity = Infinity, ...changes }: Partial<Opening> & { readonly capacity?: number } = {},
  settings: App = lettings,
): Opening => ({
  kind: 'deploy',
  by: 'github',
  order: orderAt(index),
  release: {
    generation: null,
    revision: commitAt(index),
    commit: commitAt(index),
    digest: digestAt(index),
    secretVersion: null,
    origin: originAt(index),
    settings: toReleaseSettings(settings),
    promotedFrom: null,
  },
  candidates: Array.from({ length: instances }, (_, i) =>
    candidateAt(i + 1, { target: settings.targets[0]?.key ?? firstTarget }),
  ),
  capacities: settings.targets.map(() => capacity),
  obstacle: null,
  firing: [],
  message: null,
  force: false,
  ...changes,
})

/** Of an instance it is known that it serves release 1. */
export const placeAt = (
  index: number,
  changes: Partial<ObservedInstance> = {},
): ObservedInstance => ({
  id: instanceAt(index),
  target: firstTarget,
  generation: Generation.parse(1),
  at: start,
  tries: 0,
  reason: null,
  ...changes,
})

export const servingOf = (generation: number, index: number) => ({
  generation: Generation.parse(generation),
  digest: digestAt(index),
})

export const succeededAt = (index: number, generation: number): Answer =>
  answerOf(instanceAt(index), 'succeeded', 'deployed', {
    serving: servingOf(generation, generation),
  })

export const failedAt = (index: number, changes: Partial<Answer> = {}): Answer =>
  answerOf(instanceAt(index), 'failed', 'unhealthy', { message: 'it answers 500', ...changes })

export const revisionAt = (index: number, changes: Partial<Revision> = {}): Revision => ({
  app: lettings.name,
  id: commitAt(index),
  commit: commitAt(index),
  status: 'waiting',
  reason: null,
  firstSeenAt: start,
  waitingSince: start,
  ci: {
    'github:CI': {
      kind: 'ci',
      ci: 'github',
      workflow: 'CI',
      workflowId: '.github/workflows/ci.yml',
      runId: String(index),
      runNumber: orderAt(index).number,
      attempt: 1,
      createdAt: orderAt(index).createdAt,
      conclusion: 'success',
      origin: originAt(index),
    },
  },
  push: null,
  image: null,
  digest: digestAt(index),
  asked: { at: start, count: 1, retryAt: null },
  moved: null,
  lookedUp: null,
  lacked: null,
  version: 1,
  ...changes,
})

export const fenceOf = (fence: number): Fence => Fence.parse(fence)

/** What plan.test.ts makes of a head, until it asks the façade (core.ts) as the other tests do. */
interface Story {
  readonly head: Head
}

export const begin = (changes: Partial<Head> = {}): Story => ({
  head: { ...createHead(lettings.name), ...changes },
})

export const openedBy = ({ head }: Story, opening: Opening, at: Instant = start): Story => {
  const decided = decide(head, { kind: 'opening_gathered', opening }, at)
  return decided.ok ? { head: evolve(head, decided.value, at) } : { head }
}

export const deploymentOf = ({ head }: Story): Deployment => {
  if (head.deployment === null) throw new Error('no deployment')
  return head.deployment
}

/** The release of `index` is live on the instances. */
export const live = (index: number, instances: number): Story => {
  const opened = openedBy(begin(), openingOf(index, instances))
  const { release } = deploymentOf(opened)
  return { head: { ...opened.head, deployment: null, releases: [release] } }
}
