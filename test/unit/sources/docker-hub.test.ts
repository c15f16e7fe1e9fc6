import { afterEach, describe, expect, it, vi } from 'vitest'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { createDockerHub, dockerHubToken } from '../../../src/sources/docker-hub.ts'
import type { Delivery } from '../../../src/sources/source.ts'
import { commit } from '../../support/apps.ts'
import { now, secretsOf } from '../../support/receiving.ts'
import { dockerHubPush } from '../../support/vectors.ts'

const secret = 'a secret'
const app = 'oc-lettings'
const token = dockerHubToken(secret, app)
const dockerHub = createDockerHub(new Set([app]))

const deliveryOf = (path: { app: string; token: string }, body: string | Uint8Array): Delivery => ({
  headers: new Map(),
  contentType: 'application/json',
  body: Buffer.from(body),
  path: { app: path.app, token: new Redacted(path.token) },
})

const verify = (
  path: { app: string; token: string },
  body: string | Uint8Array,
  secrets = secretsOf(secret),
) => dockerHub.verify(deliveryOf(path, body), secrets, now)

const push = JSON.stringify(dockerHubPush)

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('dockerHubToken', () => {
  it('equals the HMAC that openssl computes', () => {
    // printf docker-hub:oc-lettings | openssl dgst -sha256 -hmac 'a secret'
    expect(token).toBe('c61704a1b7195780b36bf7d506f32cf67e5510ecc609a71f0e41c373b2640852')
  })
})

describe('verify', () => {
  it('reads the pushed repository and tag', async () => {
    expect(await verify({ app, token }, push)).toEqual(
      succeed({
        kind: 'image',
        app,
        repository: 'acme/oc-lettings',
        tag: commit,
        pushedAt: '2025-11-20T00:53:20.000Z',
      }),
    )
  })

  it.each([
    ['the token of another app', { app, token: dockerHubToken(secret, 'other') }],
    ['the token of another secret', { app, token: dockerHubToken('another', app) }],
    ['a token in upper case', { app, token: token.toUpperCase() }],
    ['a token that is cut', { app, token: token.slice(0, 63) }],
    ['a token that goes on', { app, token: `${token}0` }],
    ['an unknown app with its right token', { app: 'gone', token: dockerHubToken(secret, 'gone') }],
    ['an unknown app with a wrong token', { app: 'gone', token }],
    ['a name that is no app', { app: '__proto__', token: dockerHubToken(secret, '__proto__') }],
  ])('refuses a Docker Hub delivery with %s', async (_what, path) => {
    expect(await verify(path, push)).toEqual(fail('token_invalid'))
  })

  it('refuses every token that differs in one digit', async () => {
    for (let at = 0; at < token.length; at++) {
      const digit = token[at] === '0' ? '1' : '0'
      const wrong = token.slice(0, at) + digit + token.slice(at + 1)
      expect(await verify({ app, token: wrong }, push)).toEqual(fail('token_invalid'))
    }
  })

  it('reads the body only after the token is verified', async () => {
    expect(await verify({ app, token: 'wrong' }, '{')).toEqual(fail('token_invalid'))
    expect(await verify({ app, token }, '{')).toEqual(fail('malformed'))
  })

  it('refuses a delivery without a path, and an empty secret', async () => {
    const delivery = { ...deliveryOf({ app, token }, push), path: null }
    expect(await dockerHub.verify(delivery, secretsOf(secret), now)).toEqual(fail('token_invalid'))
    const emptyToken = dockerHubToken('', app)
    const verified = await verify({ app, token: emptyToken }, push, secretsOf('', ''))
    expect(verified).toEqual(fail('token_invalid'))
  })

  it('accepts the token of the previous secret for a day', async () => {
    const rotated = secretsOf('new', secret, '2026-11-19T10:00:30.001Z')
    const over = secretsOf('new', secret, '2026-11-19T10:00:30.000Z')
    expect(await verify({ app, token }, push, rotated)).toMatchObject({ ok: true })
    expect(await verify({ app, token }, push, over)).toEqual(fail('token_invalid'))
  })

  it.each([
    ['no repository', '{"push_data":{"tag":"latest"}}'],
    ['no tag', '{"push_data":{},"repository":{"repo_name":"a/b"}}'],
    ['a tag that is none', '{"push_data":{"tag":"a b"},"repository":{"repo_name":"a/b"}}'],
    ['a list', '[]'],
    ['nothing', ''],
    ['bytes that are not UTF-8', Buffer.concat([Buffer.from(push), Buffer.from([0xff])])],
    [
      'a byte in its text that is not UTF-8',
      Buffer.from(push.replace('acme', 'acm\xe9'), 'latin1'),
    ],
  ])('answers malformed to a body with %s', async (_what, body) => {
    expect(await verify({ app, token }, body)).toEqual(fail('malformed'))
  })

  it('requires only the repository and the tag', async () => {
    const body = '{"push_data":{"tag":"latest","pushed_at":"?"},"repository":{"repo_name":"a/b"}}'
    expect(await verify({ app, token }, body)).toMatchObject({
      ok: true,
      value: { tag: 'latest', pushedAt: null },
    })
  })

  it('never fetches callback_url', async () => {
    const fetched = vi.fn<() => never>()
    vi.stubGlobal('fetch', fetched)
    const verified = await verify({ app, token }, push)
    expect(JSON.stringify(verified)).not.toContain('registry.hub.docker.com')
    expect(fetched).not.toHaveBeenCalled()
  })
})
