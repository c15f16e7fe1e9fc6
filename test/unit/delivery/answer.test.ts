import { describe, expect, it } from 'vitest'
import { answers, healthy, toResponse } from '../../../src/delivery/answer.ts'
import { newDeliveryId } from '../../../src/kernel/id.ts'
import { isReason } from '../../../src/kernel/reason.ts'

const deliveryId = newDeliveryId()

describe('toResponse', () => {
  it('is JSON that nobody keeps', () => {
    expect(toResponse('recorded', deliveryId)).toEqual({
      statusCode: 202,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify({ outcome: 'accepted', reason: 'recorded', deliveryId }),
    })
  })

  it('tells all failed checks alike', () => {
    const told = (['signature_missing', 'signature_invalid', 'token_invalid'] as const).map(
      (reason) => toResponse(reason, deliveryId),
    )
    expect(new Set(told.map((response) => JSON.stringify(response))).size).toBe(1)
    expect(told[0]).toMatchObject({ statusCode: 401 })
    expect(told[0]?.body).toContain('"unverified"')
  })

  it('says when to come back, and only then', () => {
    for (const [reason, { status, retryAfterSeconds }] of Object.entries(answers)) {
      expect(isReason(reason)).toBe(true)
      expect(retryAfterSeconds !== undefined).toBe(status === 503)
    }
    expect(toResponse('journal_unavailable', deliveryId).headers['retry-after']).toBe('5')
    expect(toResponse('secret_unavailable', deliveryId).headers['retry-after']).toBe('60')
  })
})

it('is healthy without asking anybody', () => {
  expect(healthy).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' })
})
