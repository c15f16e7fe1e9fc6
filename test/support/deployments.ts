import {
  createHead,
  type Deployment,
  type Head,
  type Intent,
  type Place,
} from '../../src/deployment/head.ts'
import type { Candidate, Opening } from '../../src/deployment/open.ts'
import type { Answer } from '../../src/deployment/step.ts'
import { transition, type Action, type Observation } from '../../src/deployment/transition.ts'
import { addSeconds, type Instant } from '../../src/kernel/clock.ts'
import { Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import type { App } from '../../src/deployment/app.ts'
import type { Revision } from '../../src/deployment/revision.ts'
import { appOf } from './apps.ts'
import { answerOf } from './hosts.ts'
import { commitAt, digestAt, ec2, orderAt } from './rollout-world.ts'

/** The moment of the first opening in these tests. */
export const start: Instant = '2026-11-20T10:00:00.000Z'
export const after = (seconds: number): Instant => addSeconds(start, seconds)

export const instanceAt = (index: number): InstanceId => InstanceId.parse(`i-0000000${index}`)
export const lettings = appOf('oc-lettings', { targets: [ec2()] })

/** The targets of an app, as instances and commands name them. */
export const firstTarget = 0
export const secondTarget = 1

/** An instance that a target selects. */
export const candidateAt = (index: number, changes: Partial<Candidate> = {}): Candidate => ({
  id: instanceAt(index),
  target: firstTarget,
  obstacle: null,
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
    settings,
  },
  candidates: Array.from({ length: instances }, (_, i) => candidateAt(i + 1)),
  capacities: settings.targets.map(() => capacity),
  obstacle: null,
  firing: [],
  message: null,
  force: false,
  ...changes,
})

/** Of an instance it is known that it serves release 1. */
export const placeAt = (index: number, changes: Partial<Place> = {}): Place => ({
  id: instanceAt(index),
  target: firstTarget,
  generation: Generation.parse(1),
  at: start,
  tries: 0,
  reason: null,
  ...changes,
})

/** A head and what was done to it, one observation at a time. */
export interface Story {
  readonly head: Head
  readonly actions: readonly Action[]
}

export const begin = (changes: Partial<Head> = {}): Story => ({
  head: { ...createHead(lettings.name), ...changes },
  actions: [],
})

export const see = ({ head }: Story, observation: Observation, at: Instant): Story =>
  transition(head, observation, at)

export const openedBy = (story: Story, opening: Opening, at: Instant = start): Story =>
  see(story, { kind: 'wanted', opening }, at)

/** Somebody looks; all or none of the instances are prepared. */
export const look = (story: Story, at: Instant, prepared: readonly InstanceId[] = everybody) =>
  see(story, { kind: 'looked', prepared, by: 'ada' }, at)

const everybody = [1, 2, 3, 4].map(instanceAt)

export const deploymentOf = ({ head }: Story): Deployment => {
  if (head.deployment === null) throw new Error('no deployment')
  return head.deployment
}

export const intentOf = (story: Story): Intent => {
  const { intent } = deploymentOf(story)
  if (intent === null) throw new Error('no intent')
  return intent
}

export const send = (
  story: Story,
  at: Instant,
  missing: readonly Answer[] = [],
  operation: string | null = 'command-1',
): Story => {
  const { fence } = intentOf(story)
  return see(story, { kind: 'sent', fence, operation, missing }, at)
}

export const hear = (story: Story, at: Instant, ...answers: readonly Answer[]): Story =>
  see(story, { kind: 'answered', fence: intentOf(story).fence, answers }, at)

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

/** Sends and hears one command after the other until the release is live. */
export const live = (index: number, instances: number, from: Story = begin()): Story => {
  let story = openedBy(from, openingOf(index, instances))
  const { generation } = deploymentOf(story)
  for (let wave = 1; wave <= instances; wave += 1)
    story = hear(send(look(story, start), start), start, succeededAt(wave, generation))
  return see(look(story, start), { kind: 'archived', generation, windowSeconds: null }, start)
}

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
      runId: String(index),
      runNumber: orderAt(index).number,
      attempt: 1,
      createdAt: orderAt(index).createdAt,
      conclusion: 'success',
    },
  },
  push: null,
  image: null,
  digest: digestAt(index),
  asked: { at: start, count: 1, retryAt: null },
  lookedUp: null,
  lacked: null,
  version: 1,
  ...changes,
})

export const fenceOf = (fence: number): Fence => Fence.parse(fence)
