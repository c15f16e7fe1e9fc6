import { describe, expect, it } from 'vitest'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { circleci, isSignedByCircleci } from '../../../src/sources/circleci.ts'
import type { Delivery } from '../../../src/sources/source.ts'
import { githubAppBody, jobBody, oauthBody, signCircleci } from '../../support/circleci-events.ts'
import { now, secretsOf } from '../../support/receiving.ts'
import { signatureVectors } from '../../support/vectors.ts'

const secret = 'mysecret'
const secrets = secretsOf(secret)

const deliveryOf = (body: string | Uint8Array, signature?: string): Delivery => ({
  headers: new Map([
    ['circleci-event-type', 'workflow-completed'],
    ['circleci-signature', signature ?? signCircleci(secret, body)],
  ]),
  contentType: 'application/json',
  body: Buffer.from(body),
  path: null,
})

const body = Buffer.from(JSON.stringify(oauthBody({ workflow: { name: 'déjà vu' } })))
const right = signCircleci(secret, body)
const wrong = signCircleci(secret, 'another')

describe('isSignedByCircleci', () => {
  it.each(signatureVectors.circleci)('accepts the published signature of $body', (vector) => {
    expect(isSignedByCircleci([vector.secret], Buffer.from(vector.body), vector.value)).toBe(true)
    expect(isSignedByCircleci([`${vector.secret}x`], Buffer.from(vector.body), vector.value)).toBe(
      false,
    )
  })

  it('accepts the signature of any of the secrets', () => {
    const old = signCircleci('old', body)
    expect(isSignedByCircleci(['new', 'old'], body, old)).toBe(true)
    expect(isSignedByCircleci(['new'], body, old)).toBe(false)
    expect(isSignedByCircleci([], body, old)).toBe(false)
  })

  it('refuses a body with any byte flipped', () => {
    for (let at = 0; at < body.length; at++) {
      const tampered = Buffer.from(body)
      tampered.writeUInt8(tampered.readUInt8(at) ^ 1, at)
      expect(isSignedByCircleci([secret], tampered, right)).toBe(false)
    }
  })

  it('refuses a signature with any character changed, cut, lengthened or in upper case', () => {
    const changed = Array.from(
      right,
      (digit, at) => right.slice(0, at) + (digit === '0' ? '1' : '0') + right.slice(at + 1),
    )
    const cut = Array.from(right, (_, at) => right.slice(0, at))
    for (const other of [...changed, ...cut, `${right}0`, right.toUpperCase(), `v1=${right}`])
      expect(isSignedByCircleci([secret], body, other)).toBe(false)
  })

  it.each([
    ['v1 before a later version', `${right},v2=${'0'.repeat(64)}`],
    ['v1 after a later version', `v2=${'0'.repeat(64)},${right}`],
    ['spaces around the entries', ` v2=0 , ${right} ,v3=1 `],
    ['empty and malformed entries', `,,=,v1,${right},`],
  ])('finds the signature in a header with %s', (_what, header) => {
    expect(isSignedByCircleci([secret], body, header)).toBe(true)
  })

  const digest = right.slice('v1='.length)
  it.each([
    ['of an older version, which would be a downgrade', `v0=${digest}`],
    ['of an older version beside a wrong v1', `v0=${digest},${wrong}`],
    ['of an unknown version', `v2=${digest}`],
    ['of a version whose name begins with v1', `v11=${digest}`],
    ['of V1 in upper case', `V1=${digest}`],
    ['without a version', digest],
    ['with a space in it', `v1= ${digest}`],
    ['that is empty', 'v1='],
  ])('refuses a signature %s', (_what, header) => {
    expect(isSignedByCircleci([secret], body, header)).toBe(false)
  })

  it('refuses an empty secret, and accepts a signed empty body', () => {
    expect(isSignedByCircleci([''], body, signCircleci('', body))).toBe(false)
    expect(isSignedByCircleci([secret], Buffer.alloc(0), signCircleci(secret, ''))).toBe(true)
    expect(isSignedByCircleci([secret], Buffer.alloc(0), right)).toBe(false)
  })
})

describe('verify, CircleCI', () => {
  it.each([
    ['the signature of another body', wrong],
    ['the signature of another secret', signCircleci('guessed', body)],
    ['a header without v1', 'v2=abc'],
    ['a header of a comma', ','],
  ])('refuses a delivery with %s', async (_what, signature) => {
    const verified = await circleci.verify(deliveryOf(body, signature), secrets, now)
    expect(verified).toEqual(fail('signature_invalid'))
  })

  it('answers signature_missing to a missing and to an empty signature', async () => {
    const bare = { ...deliveryOf(body), headers: new Map<string, string>() }
    expect(await circleci.verify(bare, secrets, now)).toEqual(fail('signature_missing'))
    const empty = await circleci.verify(deliveryOf(body, ''), secrets, now)
    expect(empty).toEqual(fail('signature_missing'))
  })

  it('accepts the previous CircleCI secret for a day', async () => {
    const rotated = secretsOf('new', secret, '2026-11-20T10:00:00.000Z')
    const during = await circleci.verify(deliveryOf('{}'), rotated, '2026-11-21T09:59:59.000Z')
    const after = await circleci.verify(deliveryOf('{}'), rotated, '2026-11-21T10:00:00.000Z')
    expect([during, after]).toEqual([succeed({ kind: 'ping' }), fail('signature_invalid')])
  })

  it('reads the event from the body, not from the unsigned header', async () => {
    for (const [event, sent] of [
      ['workflow-completed', jobBody],
      ['job-completed', oauthBody()],
      ['ping', githubAppBody()],
    ] as const) {
      const delivery = deliveryOf(JSON.stringify(sent))
      const headers = new Map([...delivery.headers, ['circleci-event-type', event]])
      const verified = await circleci.verify({ ...delivery, headers }, secrets, now)
      expect(verified).toMatchObject({ value: { kind: sent === jobBody ? 'other' : 'ci_run' } })
    }
  })

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"workflow-completed"'],
  ])('answers malformed to a signed body of %s', async (_what, sent) => {
    expect(await circleci.verify(deliveryOf(sent), secrets, now)).toEqual(fail('malformed'))
  })
})
