import { expect } from 'vitest'
import type { Release } from '../../src/deployment/deployment.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import type { Order } from '../../src/targets/target.ts'
import { carryOut, follow, lookAt, startOf, type Place } from './target-place.ts'

/** What every target keeps, whatever its place is like; docs/targets.md lists them. */
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

/** A release that users have already. */
const goLive = async (place: Place, version: string): Promise<Release> => {
  const release = await place.publish(version)
  const order = place.order(release)
  await expectLive(place, order, await startOf(place, order))
  expect(await place.serves()).toBe(version)
  return release
}

/** The way back of a deployment that was opened with `order`. */
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
    title: 'a start gives a handle, and a look at it waits until users have the release',
    prove: async (place) => {
      await goLive(place, 'one')
      const release = await place.publish('two', 'slow')
      const order = place.order(release)
      const operation = await startOf(place, order)
      expect(await lookAt(place, order, operation)).toMatchObject({ outcome: 'waiting' })
      expect(await place.serves()).toBe('one')
      await expectLive(place, order, operation)
      expect(await place.serves()).toBe('two')
    },
  },
  {
    title: 'a second start under one fence begins nothing more',
    prove: async (place) => {
      const release = await place.publish('one', 'slow')
      const order = place.order(release)
      const first = await startOf(place, order)
      await place.wait(0)
      const second = await startOf(place, order)
      await expectLive(place, order, first)
      await expectLive(place, order, second)
      await expectLive(place, order, await startOf(place, order))
      expect(await place.countStarts(release)).toBe(1)
    },
  },
  {
    title: 'two starts under one fence at the same moment end as one',
    prove: async (place) => {
      await goLive(place, 'one')
      const order = place.order(await place.publish('two'))
      const both = await Promise.all([startOf(place, order), startOf(place, order)])
      for (const operation of both) await expectLive(place, order, operation)
      expect(await place.serves()).toBe('two')
    },
  },
  {
    title: 'a start whose answer is lost is neither failed nor done twice',
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
    title: 'a start that meets too many others can be tried again',
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
    title: 'a start that is not let in says why, and begins nothing',
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
    title: 'a start after its time begins nothing',
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
    title: 'a look whose answer is lost tells nothing, and the next one tells all',
    prove: async (place) => {
      const order = place.order(await place.publish('one'))
      const operation = await startOf(place, order)
      place.loseLook()
      await expect(lookAt(place, order, operation)).rejects.toThrow(Retryable)
      await expectLive(place, order, operation)
    },
  },
  {
    title: 'what cannot be told is waited for until its time is over, and then is no success',
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
    title: 'a release that does not come up is failed with a reason, and what served serves on',
    prove: async (place) => {
      await goLive(place, 'one')
      const order = place.order(await place.publish('two', 'broken'))
      const answer = await carryOut(place, order)
      expect(answer).toMatchObject({ outcome: 'failed', reason: 'unhealthy' })
      expect(answer.message).toMatch(/\w{3}/)
      expect(answer.steps.find(({ status }) => status === 'failed')?.reason).toBe('unhealthy')
      expect(await place.serves()).toBe('one')
    },
  },
]

const changes: readonly Row[] = [
  {
    title: 'what is cancelled does not come to users, and the way back is open',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const order = place.order(await place.publish('two', 'slow'))
      const operation = await startOf(place, order)
      await place.wait(0)
      await place.target.cancel(operation)
      expect((await follow(place, order, operation)).outcome).toMatch(/^(lost|failed)$/)
      expect(await place.serves()).toBe('one')
      await bringBack(place, live, order)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a cancel that comes too late, or twice, takes nothing from users',
    prove: async (place) => {
      const release = await place.publish('one')
      const order = place.order(release)
      const operation = await startOf(place, order)
      await expectLive(place, order, operation)
      await place.target.cancel(operation)
      await place.target.cancel(operation)
      await expectLive(place, order, operation)
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a newer order overtakes the one under way',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const order = place.order(await place.publish('two', 'slow'))
      const operation = await startOf(place, order)
      await place.wait(0)
      await bringBack(place, live, order)
      expect((await follow(place, order, operation)).outcome).toBe('failed')
      expect(await place.serves()).toBe('one')
    },
  },
  {
    title: 'a stranger’s change in between is no success, is told, and can be put right',
    prove: async (place) => {
      const live = await goLive(place, 'one')
      const release = await place.publish('two', 'slow')
      const order = place.order(release)
      const operation = await startOf(place, order)
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
    title: 'a stranger’s change afterwards is put right by the next deployment',
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
    title: 'a rollback brings the earlier release back, with its settings',
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
    title: 'where nothing of ours was live, what ran before runs again',
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
