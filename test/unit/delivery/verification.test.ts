import { describe, expect, it } from 'vitest'
import { verifyDelivery, type HookSecrets } from '../../../src/delivery/verification.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { githubSource } from '../../../src/sources/github.ts'
import type { Delivery } from '../../../src/sources/source.ts'
import { signGithub } from '../../support/github-events.ts'
import { now, secretsOf } from '../../support/receiving.ts'

const body = Buffer.from('{"zen":""}')
const signedWith = (secret: string | null): Delivery => ({
  headers: new Map([
    ['x-github-event', 'ping'],
    ...(secret === null ? [] : [['x-hub-signature-256', signGithub(secret, body)] as const]),
  ]),
  contentType: 'application/json',
  body,
  path: null,
})

const unavailable = fail('secret_unavailable' as const)
const old = succeed(secretsOf('old'))
const rotated = succeed(secretsOf('new', 'old', now))

/** Secrets Manager before and after a rotation that the cache does not have yet. */
const secretsThat = (
  loaded: Awaited<ReturnType<HookSecrets['load']>>,
  refreshed: Awaited<ReturnType<HookSecrets['load']>>,
) => {
  const calls: string[] = []
  const secrets: HookSecrets = {
    load: async (source) => {
      calls.push(`load ${source}`)
      return loaded
    },
    refresh: async (source) => {
      calls.push(`refresh ${source}`)
      return refreshed
    },
  }
  return { secrets, calls }
}

const verify = (secret: string | null, secrets: HookSecrets) =>
  verifyDelivery(githubSource, signedWith(secret), secrets, now)

describe('verifyDelivery', () => {
  it('reads fresh secrets only after a mismatch with the cached ones', async () => {
    const { secrets, calls } = secretsThat(old, rotated)
    expect(await verify('old', secrets)).toEqual(succeed({ kind: 'ping' }))
    expect(calls).toEqual(['load github'])
    expect(await verify('new', secrets)).toEqual(succeed({ kind: 'ping' }))
    expect(calls).toEqual(['load github', 'load github', 'refresh github'])
  })

  it('refuses a signature that matches neither cached nor fresh secrets', async () => {
    const { secrets } = secretsThat(old, rotated)
    expect(await verify('another', secrets)).toEqual(fail('signature_invalid'))
  })

  it('reads no fresh secrets for a delivery without a signature', async () => {
    const { secrets, calls } = secretsThat(old, rotated)
    expect(await verify(null, secrets)).toEqual(fail('signature_missing'))
    expect(calls).toEqual(['load github'])
  })

  it('refuses every delivery where there is no secret', async () => {
    const { secrets } = secretsThat(unavailable, unavailable)
    expect(await verify('old', secrets)).toEqual(unavailable)
  })

  it('treats an empty secret as missing', async () => {
    const { secrets } = secretsThat(succeed(secretsOf('')), unavailable)
    expect(await verify('', secrets)).toEqual(unavailable)
  })

  it('refuses after a mismatch where fresh secrets cannot be read', async () => {
    const { secrets } = secretsThat(old, unavailable)
    expect(await verify('new', secrets)).toEqual(fail('signature_invalid'))
  })
})
