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

/** Secrets Manager before and after somebody rotated the secret behind our cache. */
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
  it('asks for fresh secrets only where those at hand do not fit', async () => {
    const { secrets, calls } = secretsThat(old, rotated)
    expect(await verify('old', secrets)).toEqual(succeed({ kind: 'ping' }))
    expect(calls).toEqual(['load github'])
    expect(await verify('new', secrets)).toEqual(succeed({ kind: 'ping' }))
    expect(calls).toEqual(['load github', 'load github', 'refresh github'])
  })

  it('refuses what fresh secrets do not fit either', async () => {
    const { secrets } = secretsThat(old, rotated)
    expect(await verify('another', secrets)).toEqual(fail('signature_invalid'))
  })

  it('is not made to ask by a delivery that is not signed', async () => {
    const { secrets, calls } = secretsThat(old, rotated)
    expect(await verify(null, secrets)).toEqual(fail('signature_missing'))
    expect(calls).toEqual(['load github'])
  })

  it('refuses, and does not let through, where there is no secret', async () => {
    const { secrets } = secretsThat(unavailable, unavailable)
    expect(await verify('old', secrets)).toEqual(unavailable)
  })

  it('takes an empty secret for none', async () => {
    const { secrets } = secretsThat(succeed(secretsOf('')), unavailable)
    expect(await verify('', secrets)).toEqual(unavailable)
  })

  it('stays with its refusal where fresh secrets cannot be had', async () => {
    const { secrets } = secretsThat(old, unavailable)
    expect(await verify('new', secrets)).toEqual(fail('signature_invalid'))
  })
})
