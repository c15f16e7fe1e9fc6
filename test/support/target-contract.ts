import { expect } from 'vitest'
import type { Release } from '../../src/deployment/deployment.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import type { Order } from '../../src/targets/target.ts'
import { carryOut, follow, lookAt, startOf, type Place } from './target-place.ts'

/** What every target guarantees; docs/targets.md lists the titles. */
export interface Row {
  readonly title: string
  readonly prove: (place: Place) => Promise<void>
}

const expectLive = async (place: Place, order: Order, operation: string): Promise<void> => {
  expect(await follow(place, order, operation)).toMatchObject({
    outcome: 'succeeded',
    serving: { generation: order.release?.generation, digest: order.release?.digest },
  })
}

/** Publishes a release and starts its deploy. */
const begin = async (place: Place, ...published: Parameters<Place['publish']>) => {
  const release = await place.publish(...published)
  const order = place.order(release)
  return { release, order, operation: await startOf(place, order) }
}

/** Publishes and deploys a release until users have it. */
const goLive = async (place: Place, version: string): Promise<Release> => {
  const { release, order, operation } = await begin(place, version)
  await expectLive(place, order, operation)
  expect(await place.serves()).toBe(version)
  return release
}

/** Restores a release after the deployment that `order` opened. */
const bringBack = async (
  place: Place,
  release: Release | null,
  { openedAt }: Order,
): Promise<void> => {
  const restore = place.order(release, { purpose: 'restore', openedAt })
  expect(await carryOut(place, restore)).toMatchObject({
    outcome: 'succeeded',
    serving: release && { generation: release.generation, digest: release.digest },
  })
}

const starts: readonly Row[] = [
  {
    title: 'a start returns a handle, and a look waits until users have the release',
    prove: async (place) => {
      await goLive(place, 'one')
      const { order, operation } = await begin(place, 'two', 'slow')
      expect(await lookAt(place, order, operation)).toMatchObject({ outcome: 'waiting' })
      expect(await place.serves()).toBe('one')
      await expectLive(place, order, operation)
      expect(await place.serves()).toBe('two')
    },
  },
  {
    title: 'a second start under one fence deploys nothing more',
    prove: async (place) => {
      const { release, order, operation: first } = await begin(place, 'one', 'slow')
      await place.wait(0)
      const second = await startOf(place, order)
      await expectLive(place, order, first)
      await expectLive(place, order, second)
      await expectLive(place, order, await startOf(place, order))
      expect(await place.countStarts(release)).toBe(1)
    },
  },
  {
    title: 'two concurrent starts under one fence end as one',
    prove: async (place) => {
      await goLive(place, 'one')
      const order = place.order(await place.publish('two'))
      const both = await Promise.all([startOf(place, order), startOf(place, order)])
      for (const operation of both) await expectLive(place, order, operation)
      expect(await place.serves()).toBe('two')
    },
  },
  {
    title: 'a start whose answer is lost is neither reported failed nor done twice',
    prove: async (place) => {
      const release = await place.publish('one')
      const order = place.order(release)
      place.loseStart()
      await expect(place.target.start(order)).rejects.toThrow(Retryable)
      await place.wait(0)
      await expectLive(place, order, await startOf(place, order))
      expect(await place.countStarts(release)).toBe(1)
    },
  },
  {
    title: 'a throttled start deploys nothing, and can be retried',
    prove: async (place) => {
      const release = await place.publish('one')
      const order = place.order(release)
      place.throttle()
      await expect(place.target.start(order)).rejects.toThrow(Retryable)
      expect(await place.countStarts(release)).toBe(0)
      for (let looks = 0; looks < 10; looks += 1) await place.wait(looks)
      await expectLive(place, order, await startOf(place, order))
    },
  },
  {
    title: 'a start without access deploys nothing, and reports why',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const release = await place.publish('two')
      place.lockOut()
      const { operation, missing } = await place.target.start(place.order(release))
      expect(operation).toBeNull()
      const message: unknown = expect.stringMatching(/\w{3}/)
      const reason: unknown = expect.stringMatching(/^(send_failed|target_unauthorized)$/)
      expect(missing).toMatchObject([{ outcome: 'failed', reason, message }])
      expect(await place.countStarts(release)).toBe(0)
      expect(await place.countStarts(live)).toBe(1)
    },
  },
  {
    title: 'a start after its deadline deploys nothing',
    prove: async (place) => {
      await goLive(place, 'one')
      const release = await place.publish('two')
      const answer = await carryOut(place, place.order(release, { notAfter: place.later(-1) }))
      expect(['failed', 'refused']).toContain(answer.outcome)
      expect(answer.reason).toBe('too_late')
      expect(await place.countStarts(release)).toBe(0)
      expect(await place.serves()).toBe('one')
    },
  },
]

const looks: readonly Row[] = [
  {
    title: 'a look whose answer is lost can be retried, and the next one has the result',
    prove: async (place) => {
      const { order, operation } = await begin(place, 'one')
      place.loseLook()
      await expect(lookAt(place, order, operation)).rejects.toThrow(Retryable)
      await expectLive(place, order, operation)
    },
  },
  {
    title: 'an unknown result is waited for until the deadline, and then is no success',
    prove: async (place) => {
      await goLive(place, 'one')
      const letGo = await place.hold()
      const notAfter = place.later(5)
      const order = place.order(await place.publish('two'), { notAfter })
      const operation = await startOf(place, order)
      while (place.later(1) < notAfter) {
        expect(await lookAt(place, order, operation)).toMatchObject({ outcome: 'waiting' })
        await place.wait(0)
      }
      for (let looks = 0; looks < 10; looks += 1) await place.wait(looks)
      await letGo()
      const { outcome, reason } = await follow(place, order, operation)
      expect(['lost', 'refused', 'failed']).toContain(outcome)
      expect(['no_answer', 'too_late']).toContain(reason)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'an unhealthy release fails with a reason, and the previous release still serves',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const order = place.order(await place.publish('two', 'broken'))
      const answer = await carryOut(place, order)
      expect(answer).toMatchObject({ outcome: 'failed', reason: 'unhealthy' })
      expect(answer.message).toMatch(/\w{3}/)
      expect(answer.steps.find(({ status }) => status === 'failed')?.reason).toBe('unhealthy')
      // Elsewhere the restore brings it back that the core sends after each failed deploy.
      if (!place.keepsServing) await bringBack(place, live, order)
      expect(await place.serves()).toBe('one')
    },
  },
]

const changes: readonly Row[] = [
  {
    title: 'a cancelled deploy does not reach users, and the live release can be restored',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const { order, operation } = await begin(place, 'two', 'slow')
      await place.wait(0)
      await place.target.cancel(operation)
      expect((await follow(place, order, operation)).outcome).toMatch(/^(lost|failed)$/)
      expect(await place.serves()).toBe('one')
      await bringBack(place, live, order)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a late or repeated cancel changes nothing for users',
    prove: async (place) => {
      const { order, operation } = await begin(place, 'one')
      await expectLive(place, order, operation)
      await place.target.cancel(operation)
      await place.target.cancel(operation)
      await expectLive(place, order, operation)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a newer order replaces the one in progress',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const { order, operation } = await begin(place, 'two', 'slow')
      await place.wait(0)
      await bringBack(place, live, order)
      expect((await follow(place, order, operation)).outcome).toBe('failed')
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a manual change during a deploy fails it with a reason, and can be restored',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const { release, order, operation } = await begin(place, 'two', 'slow')
      await place.disturb(release)
      const answer = await follow(place, order, operation)
      expect(answer).toMatchObject({ outcome: 'failed' })
      expect(['exited', 'changed_elsewhere']).toContain(answer.reason)
      expect(answer.message).toMatch(/\w{3}/)
      await bringBack(place, live, order)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a manual change after a deploy is corrected by the next deployment',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      await place.replace(live)
      expect(await place.serves()).not.toBe('one')
      const order = place.order(await place.publish('one'), { kind: 'redeploy' })
      await expectLive(place, order, await startOf(place, order))
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a rollback brings back the earlier release with its settings',
    prove: async (place) => {
      const earlier = await place.publish('one', 'well', { COLOUR: 'red' })
      for (const release of [earlier, await place.publish('two', 'well', { COLOUR: 'green' })]) {
        const order = place.order(release)
        await expectLive(place, order, await startOf(place, order))
      }
      expect(await place.hasSetting('COLOUR', 'green')).toBe(true)
      const order = place.order(earlier, { kind: 'rollback' })
      await expectLive(place, order, await startOf(place, order))
      expect(await place.serves()).toBe('one')
      expect(await place.hasSetting('COLOUR', 'red')).toBe(true)
    },
  },
  {
    title: 'without an earlier release of Landfall, a restore runs what ran before',
    prove: async (place) => {
      await place.ranBefore('by hand')
      const order = place.order(await place.publish('one'))
      await expectLive(place, order, await startOf(place, order))
      expect(await place.serves()).toBe('one')
      await bringBack(place, null, order)
      expect(await place.serves()).toBe('by hand')
    },
  },
]

export const contract: readonly Row[] = [...starts, ...looks, ...changes]
