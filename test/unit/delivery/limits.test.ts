import { describe, expect, it } from 'vitest'
import { checkLimits, maxBodyBytes } from '../../../src/delivery/limits.ts'
import { fail } from '../../../src/kernel/result.ts'
import { requestOf } from '../../support/receiving.ts'

const types = () => ['application/json']
const json = new Map([['content-type', 'application/json']])
const limit = (changes: Parameters<typeof requestOf>[0]) =>
  checkLimits(requestOf({ headers: json, ...changes }), types)

describe('checkLimits', () => {
  it('accepts a body of 1 MiB and refuses one byte more', () => {
    expect(maxBodyBytes).toBe(1_048_576)
    expect(limit({ body: Buffer.alloc(maxBodyBytes) }).ok).toBe(true)
    expect(limit({ body: Buffer.alloc(maxBodyBytes + 1) })).toEqual(fail('body_too_large'))
  })

  it('checks the size before the path, and the path before the type', () => {
    const body = Buffer.alloc(maxBodyBytes + 1)
    const headers = new Map()
    expect(limit({ path: '/', headers, body })).toEqual(fail('body_too_large'))
    expect(limit({ path: '/', headers })).toEqual(fail('path_unknown'))
    expect(limit({ headers })).toEqual(fail('content_type_unsupported'))
  })

  it.each(['/hooks/github', '/hooks/circleci', '/hooks/docker-hub/oc-lettings/token'])(
    'accepts POST %s and no other method',
    (path) => {
      expect(limit({ path }).ok).toBe(true)
      for (const method of ['GET', 'HEAD', 'PUT', 'post', '']) {
        expect(limit({ path, method })).toEqual(fail('path_unknown'))
      }
    },
  )

  it.each([
    '',
    '/',
    '/healthz',
    '/hooks',
    '/hooks/',
    '/hooks/github/',
    '/hooks//github',
    '/hooks/GitHub',
    '/prod/hooks/github',
    '/hooks/github/oc-lettings/token',
    '/hooks/gitlab',
    '/hooks/docker-hub',
    '/hooks/docker-hub/oc-lettings',
    '/hooks/docker-hub/oc-lettings/',
    '/hooks/docker-hub//token',
    '/hooks/docker-hub/oc-lettings/token/',
    '/hooks/docker-hub/oc-lettings/token/more',
  ])('refuses POST %j', (path) => {
    expect(limit({ path })).toEqual(fail('path_unknown'))
  })

  it('reads app and token from the path, the token as a secret', () => {
    const limited = limit({ path: '/hooks/docker-hub/oc-lettings/0a1b' })
    if (!limited.ok || limited.value.delivery.path === null) throw new Error('not routed')
    const { path } = limited.value.delivery
    expect([path.app, path.token.reveal()]).toEqual(['oc-lettings', '0a1b'])
    expect(JSON.stringify(limited)).not.toContain('0a1b')
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="utf-8"',
    ' application/json ',
  ])('accepts the content type %j', (contentType) => {
    const limited = limit({ headers: new Map([['content-type', contentType]]) })
    expect(limited).toMatchObject({ value: { delivery: { contentType: 'application/json' } } })
  })

  it.each(['', 'text/plain', 'application/json,application/json', 'application/jsonx', 'json'])(
    'refuses the content type %j',
    (contentType) => {
      const headers = new Map([['content-type', contentType]])
      expect(limit({ headers })).toEqual(fail('content_type_unsupported'))
    },
  )
})
