import { describe, expect, it } from 'vitest'
import { headBytes, listFitting, maxHeadBytes } from '../../../src/deployment/head-size.ts'
import { createHead, type Head, type ObservedInstance } from '../../../src/deployment/head.ts'
import {
  instanceStatuses,
  type InstanceKey,
  type InstanceState,
} from '../../../src/deployment/deployment.ts'
import { jsonBytes } from '../../../src/deployment/message.ts'
import type { Opening } from '../../../src/deployment/observation.ts'
import { Digest, Generation, InstanceId, TargetKey } from '../../../src/kernel/id.ts'
import { reasons, type Reason } from '../../../src/kernel/reason.ts'
import { packHead } from '../../../src/journal/head-lists.ts'
import { inflate } from '../../../src/journal/packing.ts'
import { begin, live } from '../../support/core.ts'
import { candidateAt, lettings, openingOf, placeAt, start } from '../../support/deployments.ts'
import { digestAt, ec2 } from '../../support/examples.ts'
import {
  alarmsOf,
  fullHead,
  hashOf,
  heavy,
  idAt,
  longestReason,
  releaseAt,
  settingsOf,
  usual,
  wide,
} from '../../support/largest-head.ts'
import { keyAt } from '../../support/targets.ts'

const empty = createHead(lettings.name)
const plain = openingOf(1, 0).release

/** A key of so many bytes in JSON, with its comma. */
const keyOf = (bytes: number) => TargetKey.parse(`ec2:${'k'.repeat(bytes - 7)}`)
const largestKey = (fits: (key: TargetKey) => boolean): number => {
  let [most, least] = [maxHeadBytes, 8]
  while (most - least > 1) {
    const middle = Math.floor((most + least) / 2)
    if (fits(keyOf(middle))) least = middle
    else most = middle
  }
  return least
}

/** The bytes that an opening leaves in a head beside these instances: the longest key that still fits. */
const roomFor = (
  head: Head,
  release: Opening['release'] = plain,
  firing: readonly string[] = [],
  instances: readonly InstanceKey[] = [],
): number =>
  largestKey((target) => {
    const all = [...instances, { id: idAt(0), target }]
    return listFitting(head, release, all, firing).length === all.length
  })

/** What a head takes as the journal writes it, if nothing of its lists deflates. */
const writtenBytes = (head: Head): number => {
  const { body, instances } = packHead(head)
  if (!(instances instanceof Uint8Array)) throw new Error('the instances are not packed')
  return jsonBytes(body) + inflate(instances).length
}

/** An instance after the worst ending: its own release, its own time, the longest reason. */
const stateAt = (index: number, changes: Partial<InstanceState> = {}): InstanceState => ({
  id: idAt(index),
  target: keyAt(0),
  wave: 200,
  status: 'unknown',
  touched: true,
  retries: 200,
  serving: {
    generation: Generation.parse(Number.MAX_SAFE_INTEGER),
    digest: Digest.parse(`sha256:${hashOf(idAt(index))}`),
  },
  reason: longestReason,
  message: index < 10 ? `${index}${wide.repeat(99)}` : null,
  ...changes,
})
const placesOf = (instances: readonly InstanceKey[]): readonly ObservedInstance[] =>
  instances.map(({ id, target }) => ({
    id,
    target,
    generation: Generation.parse(Number.MAX_SAFE_INTEGER - 1),
    at: start,
    tries: 20_000,
    reason: longestReason,
  }))
/** A head after a deployment to these instances. */
const endedWith = (head: Head, instances: readonly InstanceState[]): Head => ({
  ...head,
  deployment: head.deployment && { ...head.deployment, instances },
  observed: placesOf(instances),
})
const statesOf = (count: number, changes: Partial<InstanceState> = {}) =>
  Array.from({ length: count }, (_, index) => stateAt(index, changes))

/** Kept for longer ids of commands and services, and for fields that a head gets later. */
const spareBytes = 13_000

const release = (settings = usual) => ({ ...releaseAt(settings, 0), generation: null })
const firingOf = (settings = usual) => settings.rollback?.alarms ?? []
const largeEnv = { ...usual, env: { TEXT: 'x'.repeat(10_000) } }
const longAlarms = settingsOf(alarmsOf(wide.repeat(150)))

describe('the room that an opening leaves for instances', () => {
  it.each([
    ['ordinary settings', usual],
    ['a large env', largeEnv],
    ['long names of alarms', longAlarms],
  ])('is what the fullest head leaves, and little less, with %s', (_, settings) => {
    const full = endedWith(fullHead(settings), statesOf(10))
    const left = maxHeadBytes - writtenBytes(full)
    const room = roomFor(heavy(settings), release(settings), firingOf(settings), statesOf(10))
    expect(room).toBeLessThanOrEqual(left)
    expect(room).toBeGreaterThan(left - spareBytes)
  })

  it('is the same whether the largest env is that of the new release, a kept one or a quarantined one', () => {
    const large = largeEnv.env
    const { digest, secretVersion } = release()
    const opened = roomFor(empty, { ...plain, settings: { ...plain.settings, env: large } })
    const kept = { ...releaseAt(lettings, 1), origin: plain.origin, promotedFrom: null }
    const lean = { ...kept, settings: { ...kept.settings, env: large } }
    expect(roomFor({ ...empty, releases: [kept, lean] })).toBeCloseTo(opened, -2)
    const quarantine = [digestAt(1), { digest, secretVersion, env: large }]
    const taken = roomFor(empty) - roomFor({ ...empty, quarantine })
    expect(taken).toBe(3 * (jsonBytes(large) - jsonBytes(lettings.env)))
  })

  it('takes the names of firing alarms into account for each deployment that is kept, and the open one', () => {
    const firing = alarmsOf(wide.repeat(50))
    const taken = 11 * (jsonBytes(firing) - 2)
    expect(roomFor(empty) - roomFor(empty, plain, firing)).toBe(taken)
    const { finished } = heavy()
    const before = finished.map((one, index) => ({ ...one, firing: index === 5 ? firing : [] }))
    expect(roomFor(empty) - roomFor({ ...empty, finished: before })).toBe(taken)
  })

  it('does not depend on the number and the secret of a release, which a rollback brings back', () => {
    const numbered = {
      ...plain,
      generation: Generation.parse(123_456),
      secretVersion: 'v'.repeat(64),
    }
    expect(roomFor(empty, numbered)).toBe(roomFor(empty))
  })

  it('takes each key of the live and the new settings, the instances and the observed once', () => {
    const key = TargetKey.parse('ec2:Name=another')
    const bytes = jsonBytes(key) + 1
    const settings = { ...lettings, targets: [ec2({ key })] }
    const shape = (targets: typeof lettings.targets) => ({
      ...plain,
      settings: { ...lettings, targets },
    })
    expect(roomFor(empty, shape([ec2({ key })])) - roomFor(empty, shape([ec2()]))).toBeLessThan(50)
    const seen = (target: TargetKey) => ({ ...empty, observed: [placeAt(1, { target })] })
    expect(roomFor(seen(keyAt(0))) - roomFor(seen(key))).toBe(bytes)
    const two = (target: TargetKey) => [candidateAt(1), candidateAt(2, { target })]
    const room = (target: TargetKey) => roomFor(empty, plain, [], two(target))
    expect(room(keyAt(0)) - room(key)).toBe(bytes)
    const alike = { ...empty, releases: [{ ...releaseAt(settings, 1), settings }] }
    expect(roomFor(alike) - roomFor({ ...alike, observed: [placeAt(1, { target: key })] })).toBe(
      roomFor(empty) - roomFor(seen(keyAt(0))),
    )
  })
})

describe('an instance in the record of its app', () => {
  const taken = (id: InstanceKey['id'], head = empty) =>
    roomFor(head) - roomFor(head, plain, [], [{ id, target: keyAt(0) }])
  const written = (id: InstanceKey['id']) =>
    writtenBytes(endedWith(fullHead(), [...statesOf(300), stateAt(300, { id, message: null })])) -
    writtenBytes(endedWith(fullHead(), statesOf(300)))

  it.each([
    'i-0123456789abcdef0',
    'mi-0123456789abcdef0',
    'i-01234567',
    `srv-${'x'.repeat(60)}`,
    'heroku:api-' + 'x'.repeat(19),
  ])('takes no more than the opening counts for it, and little less, with the id %s', (text) => {
    const id = InstanceId.parse(text)
    expect(taken(id)).toBeGreaterThanOrEqual(written(id))
    expect(taken(id)).toBeLessThanOrEqual(written(id) + 20)
  })

  it('takes less room where the record knows it already', () => {
    const [id] = [idAt(1)]
    const known = { ...empty, observed: [placeAt(1, { id })] }
    expect(taken(id, known)).toBeLessThan(taken(id))
    const both = roomFor(empty) - roomFor(known, plain, [], [{ id, target: keyAt(0) }])
    expect(both).toBe(taken(id))
  })

  it('is left out where it does not fit, and a shorter one after it is not', () => {
    const [long, short] = [
      InstanceId.parse(`srv-${'x'.repeat(60)}`),
      InstanceId.parse('i-01234567'),
    ]
    const keys = (target: TargetKey) => [
      { id: long, target },
      { id: short, target },
    ]
    const target = keyOf(largestKey((key) => listFitting(empty, plain, keys(key), []).length > 0))
    expect(listFitting(empty, plain, keys(target), []).map(({ id }) => id)).toEqual([short])
  })
})

describe('the bytes of a head', () => {
  /** The words that an instance may need, each with quotes and comma, and the lists' own form. */
  const words = [...Object.keys(reasons), ...instanceStatuses]
  const spare = words.reduce((all, word) => all + word.length + 3, 80)
  const expectToCount = (head: Head, perInstance: number) => {
    const written = writtenBytes(head)
    expect(headBytes(head)).toBeGreaterThanOrEqual(written)
    expect(headBytes(head)).toBeLessThanOrEqual(written + spare + perInstance)
  }

  it.each([0, 1, 10, 300])(
    'are those that the journal writes, and few more, with %i instances',
    (count) => {
      const long = TargetKey.parse(`ec2:${'k'.repeat(3000)}`)
      for (const changes of [{}, { message: 'it answers 500' }, { target: long }])
        expectToCount(endedWith(fullHead(), statesOf(count, changes)), 20 * count)
    },
  )

  it('count each reason that an instance may have', () => {
    const codes = Object.keys(reasons).filter((code): code is Reason => code in reasons)
    const instances = codes.map((reason, index) => stateAt(index, { reason, message: null }))
    const head = { ...endedWith(fullHead(), instances), observed: [] }
    expectToCount(head, 20 * codes.length)
  })

  it('are few for a new app, for one that is live, and for one with an open deployment', () => {
    for (const { stored } of [begin(), live(1, 1), begin().open(openingOf(1, 1))])
      expectToCount(stored, 60)
  })
})
