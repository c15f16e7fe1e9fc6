import { describe, expect, it } from 'vitest'
import type { InstanceState } from '../../../src/deployment/deployment.ts'
import { headLimits } from '../../../src/deployment/head.ts'
import {
  cutMessage,
  joinMessages,
  jsonBytes,
  limitMessages,
} from '../../../src/deployment/message.ts'
import { firstTarget } from '../../support/deployments.ts'
import { idAt } from '../../support/largest-head.ts'

describe('several messages', () => {
  it('become one, without those that say nothing', () => {
    expect(joinMessages(['it answers 500', null, 'lost'])).toBe('it answers 500; lost')
    expect(joinMessages([null, null])).toBeNull()
    expect(joinMessages([])).toBeNull()
  })
})

describe('the message of a deployment', () => {
  it('stays as it is up to 1,000 bytes', () => {
    const longest = 'x'.repeat(1000)
    for (const text of ['', 'it answers 500', longest]) expect(cutMessage(text)).toBe(text)
    expect(cutMessage(null)).toBeNull()
  })

  it.each([
    ['a letter', 'x', 1000],
    ['a Chinese character of 3 bytes', '漢', 333],
    ['an emoji of 4 bytes', '🚀', 250],
    ['a quote, which JSON escapes with 2 bytes', '"', 500],
    ['a control character, which JSON escapes with 6 bytes', '\u0001', 166],
  ])('is cut to 1,000 bytes of JSON, between two characters, where each is %s', (_, one, count) => {
    expect(cutMessage(one.repeat(1001))).toBe(one.repeat(count))
    expect(cutMessage(one.repeat(count))).toBe(one.repeat(count))
  })
})

describe('the messages of instances in the record of an app', () => {
  type Status = InstanceState['status']
  let index = 0
  const instances = (count: number, status: Status, message: string | null) =>
    Array.from({ length: count }, (): InstanceState => {
      index += 1
      return {
        id: idAt(index),
        target: firstTarget,
        wave: 0,
        status,
        touched: true,
        retries: 0,
        serving: null,
        reason: null,
        message,
      }
    })
  const messagesOf = (all: readonly InstanceState[]) => limitMessages(all).map((one) => one.message)
  const times = (count: number, message: string | null) =>
    Array.from({ length: count }, () => message)

  it('stay as they are where ten instances speak at most', () => {
    const all = [...instances(10, 'succeeded', 'slow'), ...instances(20, 'failed', null)]
    expect(limitMessages(all)).toEqual(all)
  })

  it('are those of the first ten instances where each has failed', () => {
    const all = instances(12, 'failed', 'it answers 500')
    expect(messagesOf(all)).toEqual([...times(10, 'it answers 500'), null, null])
  })

  it.each(['succeeded', 'pending', 'unseen'] as const)(
    'are those of failed instances before those of instances that are %s',
    (status) => {
      const all = [...instances(8, status, 'slow'), ...instances(6, 'lost', 'no answer')]
      expect(messagesOf(all)).toEqual([
        ...times(4, 'slow'),
        ...times(4, null),
        ...times(6, 'no answer'),
      ])
    },
  )

  it('are those of the first ten where failed instances come first', () => {
    const all = [...instances(6, 'failed', 'it answers 500'), ...instances(8, 'succeeded', 'slow')]
    const expected = [...times(6, 'it answers 500'), ...times(4, 'slow'), ...times(4, null)]
    expect(messagesOf(all)).toEqual(expected)
  })

  it('are cut to 300 bytes each', () => {
    const [message] = messagesOf(instances(1, 'failed', '漢'.repeat(200)))
    expect(message).toBe('漢'.repeat(100))
    expect(jsonBytes(message) - 2).toBe(headLimits.instanceMessageBytes)
  })
})
