import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headBytes, listFitting, maxHeadBytes } from '../../src/deployment/head-size.ts'
import type { Intent } from '../../src/deployment/deployment.ts'
import { createHead, intentOf, type Head } from '../../src/deployment/head.ts'
import type { Answer } from '../../src/deployment/step.ts'
import { lastGoodRelease } from '../../src/deployment/operate.ts'
import { decide, evolve } from '../../src/deployment/transition.ts'
import { addSeconds, type Instant } from '../../src/kernel/clock.ts'
import { toInstances } from '../../src/deployment/wave.ts'
import type { Opening, Observation } from '../../src/deployment/observation.ts'
import { Digest, Generation, TargetKey, type InstanceId } from '../../src/kernel/id.ts'
import { start } from '../support/deployments.ts'
import { ec2 } from '../support/examples.ts'
import { answerOf } from '../support/hosts.ts'
import {
  alarmsOf,
  hashOf,
  heavy,
  idAt,
  largest,
  longestReason,
  name,
  openingTo,
  settingsOf,
  storedBytes,
  usual,
  wide,
} from '../support/largest-head.ts'
import { inFull } from '../support/size.ts'
import { keyAt } from '../support/targets.ts'

/** The most instances that an opening accepts. */
const mostOf = (head: Head, settings = usual): number => {
  const { release, candidates, firing } = openingTo(3000, {}, settings)
  return listFitting(head, release, toInstances(settings, candidates, [Infinity]), firing).length
}

type Outcome = Answer['outcome']
const outcomes: readonly Outcome[] = ['succeeded', 'failed', 'refused', 'lost', 'waiting']

/** The largest answer of an instance: the longest messages, and a release that no other instance serves. */
const worstOf = (id: InstanceId, outcome: Outcome): Answer =>
  answerOf(id, outcome, longestReason, {
    message: wide.repeat(300),
    serving: {
      generation: Generation.parse(Number.MAX_SAFE_INTEGER),
      digest: Digest.parse(`sha256:${hashOf(id)}`),
    },
  })

const create = (begun: Head) => {
  let head = begun
  let now: Instant = start
  let largestBytes = 0
  let writes = 0
  const see = (observation: Observation): void => {
    const decided = decide(head, observation, now)
    if (decided.ok) head = evolve(head, decided.value, now)
    writes += 1
    const isEnd = head.deployment === null || head.deployment.phase === 'ended'
    // To pack 1,000 instances takes milliseconds: of the heads in between, some are packed.
    if (!isEnd && writes % inFull(1, 24) !== 0) return
    const stored = storedBytes(head)
    expect(stored).toBeLessThanOrEqual(headBytes(head))
    largestBytes = Math.max(largestBytes, stored)
  }
  const move = (choose: (intent: Intent) => Outcome, say = worstOf): void => {
    const intent = intentOf(head)
    if (intent === null) {
      see({
        kind: 'polled',
        prepared: head.deployment?.instances.map(({ id }) => id) ?? [],
        by: 'w'.repeat(36),
      })
      return
    }
    if (intent.operation === null)
      see({ kind: 'sent', fence: intent.fence, operation: 'o'.repeat(120), missing: [] })
    const answers = intent.instances.map((id) => say(id, choose(intent)))
    if (answers.some(({ outcome }) => outcome === 'waiting')) now = addSeconds(intent.deadlineAt, 1)
    see({ kind: 'answered', fence: intent.fence, answers })
  }
  return {
    see,
    move,
    head: () => head,
    largestBytes: () => largestBytes,
    open: (opening: Opening): void => see({ kind: 'opening_gathered', opening }),
    /** Until the deployment has ended and is archived. */
    end: (choose: (intent: Intent) => Outcome): void => {
      for (let moves = 0; head.deployment !== null && moves < 500; moves += 1) {
        const { phase, generation } = head.deployment
        if (phase === 'ended') see({ kind: 'archived', generation, windowSeconds: 3600 })
        else move(choose)
      }
      expect(head.deployment).toBeNull()
    },
  }
}

const always = (outcome: Outcome) => () => outcome

describe('the most instances that an opening accepts', () => {
  const most = mostOf(heavy())

  it('accepts an opening to 1,000 instances and more with ordinary settings, however full the head is', () => {
    expect(mostOf(createHead(usual.name))).toBeGreaterThanOrEqual(1000)
    expect(most).toBeGreaterThanOrEqual(1000)
  })

  it('refuses an opening to one instance more than fits, before anything is sent, with the numbers', () => {
    const story = create(heavy())
    story.open(openingTo(most + 1))
    expect(story.head().deployment).toMatchObject({
      status: 'failed',
      reason: 'too_many_instances',
      message: `${most + 1} instances; the app's record has room for ${most}`,
      sentAt: null,
    })
    const fitting = create(heavy())
    fitting.open(openingTo(most))
    expect(fitting.head().deployment).toMatchObject({ phase: 'advancing', isStarted: false })
    expect(fitting.head().deployment?.instances).toHaveLength(most)
  })

  it.each(outcomes)('keeps the largest head writable where each answer is %s', (outcome) => {
    const story = create(heavy())
    story.open(openingTo(most))
    story.end(always(outcome))
    expect(story.largestBytes()).toBeLessThanOrEqual(maxHeadBytes)
  })

  it.each(['refused', 'failed', 'lost'] as const)(
    'keeps the largest head writable where the last instance fails and each restore is %s',
    (outcome) => {
      const last = idAt(most - 1)
      const story = create(heavy())
      story.open(openingTo(most))
      story.end(({ purpose, instances }) => {
        if (purpose === 'restore') return outcome
        return instances.includes(last) ? 'failed' : 'succeeded'
      })
      const unsettled = story.head().observed.filter(({ generation }) => generation === null)
      expect(unsettled).toHaveLength(most)
    },
  )

  it.each(outcomes)(
    'keeps a head with the longest alarm names writable where each answer is %s',
    (outcome) => {
      const settings = settingsOf(alarmsOf(wide.repeat(254)))
      const few = mostOf(heavy(settings), settings)
      const story = create(heavy(settings))
      story.open(openingTo(few, {}, settings))
      expect(story.head().deployment?.instances).toHaveLength(few)
      story.end(always(outcome))
    },
  )

  it('has room for a rollback of the largest deployment, whatever its answers', () => {
    for (const outcome of outcomes) {
      const story = create(heavy())
      story.open(openingTo(most))
      story.end(always('succeeded'))
      const command = { kind: 'rollback', to: null } as const
      story.see({ kind: 'operated', command, by: name, id: name })
      story.see({
        kind: 'operated',
        command: { kind: 'freeze', reason: wide.repeat(300) },
        by: name,
        id: '2',
      })
      const release = lastGoodRelease(story.head())
      if (release === null) throw new Error('nothing to go back to')
      story.open(openingTo(most, { kind: 'rollback', release, order: null, firing: [] }))
      expect(story.head().deployment).toMatchObject({ kind: 'rollback', isStarted: false })
      expect(story.head().deployment?.instances).toHaveLength(most)
      story.end(always(outcome))
    }
  })

  it('keeps the largest head writable whatever each instance answers', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 40 }),
        (drawn) => {
          let at = 0
          const choose = () => drawn[(at += 1) % drawn.length] ?? 'lost'
          const story = create(heavy())
          story.open(openingTo(most))
          story.end(choose)
          story.open(openingTo(most, { by: 'ada', force: true }))
          story.end(choose)
        },
      ),
      { numRuns: inFull(40, 10) },
    )
  })
})

it('has room for the most instances also where the live release has a longer key for them', () => {
  const long = TargetKey.parse(`ec2:${'k'.repeat(128)}=${'v'.repeat(250)}`)
  const rollout = { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } as const
  const renamed = (key: TargetKey) => ({ ...usual, targets: [ec2({ key, rollout })] })
  const settings = renamed(keyAt(0))
  const before = heavy(renamed(long))
  const most = mostOf(before, settings)
  const story = create(before)
  story.open(openingTo(most, { force: true }, settings))
  expect(story.head().deployment?.instances).toHaveLength(most)
  const last = story.head().deployment?.instances.at(-1)?.id
  story.end(({ purpose, instances }) => {
    if (purpose === 'restore') return 'lost'
    return purpose === 'deploy' && instances.some((id) => id === last) ? 'failed' : 'succeeded'
  })
  expect(story.head().observed).toHaveLength(most)
  expect(story.head().observed[0]).toMatchObject({ target: long })
})

it('leaves room for the notices of an opening that ends at once', () => {
  const sizes = Array.from({ length: 60 }, (_, index) => 150_000 + index * 1000)
  for (const size of sizes) {
    const story = create(createHead(usual.name))
    const settings = { ...usual, env: { TEXT: 'x'.repeat(size) } }
    story.open(openingTo(0, {}, settings))
    expect(story.largestBytes()).toBeLessThanOrEqual(maxHeadBytes)
  }
})

describe('a head of 1,000 instances with ordinary settings', () => {
  const thousand = 1000
  const candidates = Array.from({ length: thousand }, (_, index) => ({
    id: idAt(index),
    target: keyAt(0),
    obstacle: null,
    warning: null,
  }))
  /** Longer than most. */
  const origin = {
    title: 'Merge pull request #142 from acme/dependabot/pip/sentry-sdk-1.45.1',
    author: 'Ada Lovelace',
    login: 'ada-lovelace',
    runUrl: 'https://github.com/acme/oc-lettings/actions/runs/19876543210',
    compareUrl: 'https://github.com/acme/oc-lettings/compare/0123456789ab...ba9876543210',
  }
  const ordinary = (): Head => ({
    ...heavy(),
    // Of one landfall.yml, which the opening has too.
    releases: heavy().releases.map((release) => ({
      ...release,
      origin,
      settings: heaviest.release.settings,
    })),
    operations: Array.from({ length: 10 }, (_, index) => ({
      id: `9f1d6a52-5a0e-4a63-8d77-0c6f1f3a9e1${index}`,
      kind: 'redeploy',
      by: 'ada',
      at: start,
    })),
    quarantine: heavy().quarantine.slice(0, 10),
    notices: [],
    observed: candidates.map(({ id, target }) => ({
      id,
      target,
      generation: Generation.parse(largest - 1),
      at: start,
      tries: 0,
      reason: null,
    })),
  })
  const heaviest = openingTo(0, { candidates, by: 'github', message: null })
  const opening = { ...heaviest, release: { ...heaviest.release, origin } }

  it('takes 40 KB at most for 1,000 instances in the middle of a rollout', () => {
    const story = create(ordinary())
    story.open(opening)
    const isHalf = () =>
      story.head().deployment?.instances.filter(({ status }) => status === 'succeeded').length ===
      501
    const serving = { generation: largest, digest: opening.release.digest }
    const say = (id: InstanceId, outcome: Outcome) =>
      answerOf(id, outcome, 'already_live', { serving })
    for (let moves = 0; !isHalf() && moves < 100; moves += 1) story.move(always('succeeded'), say)
    expect(isHalf()).toBe(true)
    expect(story.largestBytes()).toBeLessThanOrEqual(40 * 1024)
  })

  it.each(outcomes)(
    'writes a head of 1,000 instances to its end where each answer is %s',
    (outcome) => {
      const story = create(ordinary())
      story.open({ ...opening, kind: 'rollback', order: null })
      expect(story.head().deployment).toMatchObject({ kind: 'rollback', isStarted: false })
      expect(story.head().deployment?.instances).toHaveLength(thousand)
      story.end(always(outcome))
      expect(story.largestBytes()).toBeLessThanOrEqual(maxHeadBytes)
    },
  )
})

describe('a repair of a large fleet', () => {
  const candidatesOf = (count: number) => openingTo(count).candidates

  it('opens a repair to the instances that there is room for, and to the others next', () => {
    const scan = { at: start, returned: [] }
    const story = create(heavy())
    const candidates = candidatesOf(3000)
    const find = () =>
      story.see({ kind: 'instances_found', candidates, capacities: [Infinity], scan })
    find()
    const first = story.head().deployment?.instances.map(({ id }) => id) ?? []
    expect(first.length).toBeGreaterThanOrEqual(1000)
    expect(first.length).toBeLessThan(3000)
    story.end(always('failed'))
    find()
    const second = story.head().deployment?.instances.map(({ id }) => id) ?? []
    expect(second.length).toBeGreaterThan(0)
    expect(second.filter((id) => first.includes(id))).toEqual([])
  })

  it('leaves room for a rollback, however many instances were listed', () => {
    const story = create(heavy())
    const obstacle = 'instance_offline'
    const candidates = candidatesOf(3000).map((one) => ({ ...one, obstacle }) as const)
    story.see({
      kind: 'instances_found',
      candidates,
      capacities: [Infinity],
      scan: { at: start, returned: [] },
    })
    story.see({ kind: 'operated', command: { kind: 'rollback', to: null }, by: name, id: name })
    const release = lastGoodRelease(story.head())
    if (release === null) throw new Error('nothing to go back to')
    story.open(openingTo(3000, { kind: 'rollback', release, order: null, firing: [] }))
    expect(story.head().deployment).toMatchObject({ kind: 'rollback', isStarted: false })
    const count = story.head().deployment?.instances.length ?? 0
    expect(count).toBeGreaterThan(0)
    expect(story.head().deployment?.message).toContain(`not on ${3000 - count} of 3000 instances`)
    story.end(always('lost'))
  })

  it('changes nothing where no further instance fits, so that no run polls again at once', () => {
    const story = create(heavy())
    const obstacle = 'instance_offline'
    const candidates = candidatesOf(6000).map((one) => ({ ...one, obstacle }) as const)
    const scan = { at: start, returned: [] }
    const find = () =>
      story.see({ kind: 'instances_found', candidates, capacities: [Infinity], scan })
    // An unreachable instance takes less than its estimate.
    for (let looks = 0; looks < 30; looks += 1) find()
    const full = story.head()
    expect(full.observed.length).toBeGreaterThan(1000)
    expect(full.observed.length).toBeLessThan(6000)
    find()
    expect(story.head()).toBe(full)
  })
})

describe('an env that outgrows the head by itself', () => {
  it('refuses an opening whose env alone outgrows the head, which stays as it is', () => {
    const story = create(heavy())
    const before = story.head()
    const huge = { ...usual, env: { TEXT: 'x'.repeat(maxHeadBytes) } }
    const opening = openingTo(1)
    story.open({ ...opening, release: { ...opening.release, settings: huge } })
    expect(story.head()).toBe(before)
  })
})
