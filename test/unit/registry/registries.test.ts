import { describe, expect, test } from 'vitest'
import type { Http, HttpRequest } from '../../../src/kernel/http.ts'
import { Digest } from '../../../src/kernel/id.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { succeed } from '../../../src/kernel/result.ts'
import { openImage } from '../../../src/registry/registry.ts'
import { registries, type KnownRegistry } from '../../support/registries.ts'

const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const login = { username: 'acme', password: new Redacted('correct horse') }
const basic = `Basic ${Buffer.from('acme:correct horse').toString('base64')}`
const scope = 'repository:acme/shop:pull'

/** A private image there: its registry wants the login, or a token that its token service gives for the login. */
const play = ({ challenge }: KnownRegistry) => {
  const asked: HttpRequest[] = []
  const [, realm = ''] = /^Bearer realm="(.+)"$/.exec(challenge) ?? []
  const right = realm === '' ? basic : 'Bearer t0ken'
  const http: Http = (request) => {
    asked.push(request)
    const { url, authorization = null } = request
    const given = authorization?.reveal() ?? null
    const reply = (status: number, headers: Record<string, string> = {}, body = '') =>
      Promise.resolve(succeed({ status, headers: new Headers(headers), body: Buffer.from(body) }))
    if (realm !== '' && `${url.origin}${url.pathname}` === realm)
      return given === basic ? reply(200, {}, '{"token":"t0ken"}') : reply(401)
    if (given === right) return reply(200, { 'docker-content-digest': digest })
    return reply(401, { 'www-authenticate': `${challenge},service="registry",scope="${scope}"` })
  }
  return { http, asked, realm }
}

describe('the registries of docs/registries.md', () => {
  test.each(registries)('a private image at $name is found with a login', async (registry) => {
    const { http, asked, realm } = play(registry)
    const image = openImage(http, registry.image, login, registry.realm)
    expect(await image.findDigest('v1')).toEqual(succeed(digest))
    // The login itself goes to the token service, or to the registry where that wants it.
    const holders = asked.filter(({ authorization }) => authorization?.reveal() === basic)
    const where = realm === '' ? asked[0]?.url.host : new URL(realm).host
    expect(holders.map(({ url }) => url.host)).toEqual([where])
  })

  test.each(registries.filter(({ realm }) => realm !== null))(
    'a private image at $name names the setting where it is left out',
    async (registry) => {
      const { http, asked } = play(registry)
      const found = await openImage(http, registry.image, login).findDigest('v1')
      expect(found).toMatchObject({ ok: false, error: { reason: 'registry_unauthorized' } })
      expect(found.ok ? '' : found.error.message).toContain(`{ realm: "${registry.realm}" }`)
      expect(asked.every(({ authorization = null }) => authorization === null)).toBe(true)
    },
  )
})
