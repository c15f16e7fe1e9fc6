import { describe, expect, it } from 'vitest'
import { answers, healthy, toResponse } from '../../../src/delivery/answer.ts'
import { newDeliveryId } from '../../../src/kernel/id.ts'
import { isReason } from '../../../src/kernel/reason.ts'

const deliveryId = newDeliveryId()

describe('toResponse', () => {
  it('answers JSON that no cache may store', () => {
    expect(toResponse('recorded', deliveryId)).toEqual({
      statusCode: 202,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: JSON.stringify({ outcome: 'accepted', reason: 'recorded', deliveryId }),
    })
  })

  it('answers every failed verification alike', () => {
    const shown = (['signature_missing', 'signature_invalid', 'token_invalid'] as const).map(
      (reason) => toResponse(reason, deliveryId),
    )
    expect(new Set(shown.map((response) => JSON.stringify(response))).size).toBe(1)
    expect(shown[0]).toMatchObject({ statusCode: 401 })
    expect(shown[0]?.body).toContain('"unverified"')
  })

  it('sends Retry-After with 503, and with no other status', () => {
    for (const [reason, { status, retryAfterSeconds }] of Object.entries(answers)) {
      expect(isReason(reason)).toBe(true)
      expect(retryAfterSeconds !== undefined).toBe(status === 503)
    }
    expect(toResponse('journal_unavailable', deliveryId).headers['retry-after']).toBe('5')
    expect(toResponse('secret_unavailable', deliveryId).headers['retry-after']).toBe('60')
  })
})

it('answers a health check 200', () => {
  expect(healthy).toMatchObject({ statusCode: 200, body: '{"status":"ok"}' })
})
