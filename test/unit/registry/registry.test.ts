import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Http, HttpRequest, HttpResponse } from '../../../src/kernel/http.ts'
import { Digest } from '../../../src/kernel/id.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import type { RegistryLogin } from '../../../src/secrets/app-secret.ts'
import { openImage } from '../../../src/registry/registry.ts'

type Reply = Partial<Omit<HttpResponse, 'headers' | 'body'>> & {
  headers?: Record<string, string>
  body?: string
}

const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const login = { username: 'shop', password: new Redacted('hunter2') }
const bearer = {
  status: 401,
  headers: {
    'www-authenticate': 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
  },
}

/** A world that answers in this order, and what it was asked. */
const play = (...replies: (Reply | 'unreachable')[]) => {
  const asked: HttpRequest[] = []
  const http: Http = async (request) => {
    const reply = replies[asked.length]
    asked.push(request)
    if (reply === undefined || reply === 'unreachable')
      return { ok: false, error: { kind: 'unreachable', host: request.url.host } }
    const { status = 200, headers = {}, body = '', ...more } = reply
    const value = { status, headers: new Headers(headers), body: Buffer.from(body), ...more }
    return { ok: true, value }
  }
  const lines = () =>
    asked.map(({ method, url, authorization }) =>
      [method, url.href, authorization?.reveal()].filter(Boolean).join(' '),
    )
  return {
    findDigest: (
      image: string,
      tag: string,
      login: RegistryLogin | null,
      realm: string | null = null,
    ) => openImage(http, image, login, realm).findDigest(tag),
    findCommit: (image: string, wanted: Digest, login: RegistryLogin | null) =>
      openImage(http, image, login).findCommit(wanted),
    checkPlatforms: () => openImage(http, 'shop.example/shop', null).checkPlatforms(digest),
    lines,
    asked,
  }
}

const refusal = (reason: string, retryAfterSeconds: number | null = null) => ({
  ok: false,
  error: { reason, retryAfterSeconds },
})
const explained = (reason: string, pattern: RegExp) => {
  const message: unknown = expect.stringMatching(pattern)
  return { ok: false, error: { reason, retryAfterSeconds: null, message } }
}

test('asks Docker Hub for a token and by HEAD for the digest', async () => {
  const world = play(
    bearer,
    { body: '{"token": "t0ken"}' },
    { headers: { 'docker-content-digest': digest } },
  )
  const found = await world.findDigest('acme/shop', 'v1', login)
  expect(found).toEqual({ ok: true, value: digest })
  const manifest = 'HEAD https://registry-1.docker.io/v2/acme/shop/manifests/v1'
  expect(world.lines()).toEqual([
    manifest,
    'GET https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Aacme%2Fshop%3Apull Basic c2hvcDpodW50ZXIy',
    `${manifest} Bearer t0ken`,
  ])
  expect(world.asked[0]?.headers?.['accept']?.split(', ')).toHaveLength(4)
})

test('takes a token named access_token, without credentials', async () => {
  const world = play(
    bearer,
    { body: '{"access_token": "t0ken", "token": ""}' },
    { headers: { 'docker-content-digest': digest } },
  )
  expect(await world.findDigest('nginx', 'v1', null)).toMatchObject({ ok: true })
  expect(world.lines()[1]).not.toContain('Basic')
})

const elsewhere = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="https://auth.example.org/token?a=b"' },
}

test.each([
  ['a login', login],
  ['no login', null],
])(
  'asks no token service elsewhere, and names the setting for it: an app with %s',
  async (_what, given) => {
    const world = play(elsewhere)
    const found = await world.findDigest('registry.example.com/shop', 'v1', given)
    const setting =
      /set registry: \{ realm: "https:\/\/auth.example.org\/token" \} in landfall.yml$/
    expect(found).toEqual(explained('registry_unauthorized', setting))
    expect(world.asked).toHaveLength(1)
  },
)

test('asks the token service elsewhere that landfall.yml names', async () => {
  const world = play(
    elsewhere,
    { body: '{"token": "t0ken"}' },
    { headers: { 'docker-content-digest': digest } },
  )
  const realm = 'https://auth.example.org/token'
  const found = await world.findDigest('registry.example.com/shop', 'v1', login, realm)
  expect(found).toEqual({ ok: true, value: digest })
  expect(world.lines()[1]).toMatch(/^GET https:\/\/auth\.example\.org\/token\?a=b&scope=\S+ Basic /)
})

test.each([
  [
    'this machine',
    'http://127.0.0.1:9001/next',
    'registry.example.com',
    /which is on this machine/,
  ],
  [
    'another port of its own machine',
    'http://localhost:9001/token',
    'localhost:5000',
    /set registry: \{ realm: "http:\/\/localhost:9001\/token" \}/,
  ],
  [
    'a service without HTTPS',
    'http://registry.example.com/token',
    'registry.example.com',
    /which does not use HTTPS/,
  ],
  [
    'one with a login in it',
    'https://a:b@registry.example.com/token',
    'registry.example.com',
    /^registry\.example\.com names the token service https:\/\/registry\.example\.com\/token with a login in its address/,
  ],
])(
  'says why it does not ask for a token: the registry names %s',
  async (_what, realm, host, message) => {
    const headers = { 'www-authenticate': `Bearer realm="${realm}"` }
    const world = play({ status: 401, headers })
    const found = await world.findDigest(`${host}/shop`, 'v1', null)
    expect(found).toEqual(explained('registry_unauthorized', message))
    expect(world.asked).toHaveLength(1)
  },
)

test('answers no challenge of another host, to which a redirect led', async () => {
  const redirectedTo = new URL('https://store.example/v2/shop/manifests/v1')
  const own = { 'www-authenticate': 'Bearer realm="https://registry.example.com/token"' }
  const world = play({ status: 401, headers: own, redirectedTo })
  const found = await world.findDigest('registry.example.com/shop', 'v1', login)
  expect(found).toEqual(explained('registry_unauthorized', /sends requests on to store\.example/))
  expect(world.asked).toHaveLength(1)
})

const manifestBody = JSON.stringify({
  schemaVersion: 2,
  config: { digest: `sha256:${'c'.repeat(64)}`, size: 1 },
  layers: [],
})
const manifestReply = {
  headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json; charset=utf-8' },
  body: manifestBody,
}
const manifestDigest = `sha256:${createHash('sha256').update(manifestBody).digest('hex')}`

test.each<[string, Reply]>([
  ['names no digest', {}],
  ['names something else as the digest', { headers: { 'docker-content-digest': 'v1' } }],
  ['does not take HEAD', { status: 405 }],
  ['does not know HEAD', { status: 501 }],
  ['refuses HEAD to everybody', { status: 403 }],
])('reads the manifest where a registry %s, and hashes it', async (_what, head) => {
  const world = play(head, manifestReply)
  const found = await world.findDigest('registry.example/shop', 'v1', null)
  expect(found).toEqual({ ok: true, value: manifestDigest })
  expect(world.asked.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
})

test('reads the manifest with the token where HEAD is refused with it', async () => {
  const world = play(bearer, { body: '{"token": "t0ken"}' }, bearer, manifestReply)
  const found = await world.findDigest('acme/shop', 'v1', login)
  expect(found).toEqual({ ok: true, value: manifestDigest })
  expect(world.lines().at(-1)).toMatch(/^GET .*\/manifests\/v1 Bearer t0ken$/)
})

test.each<[string, Reply]>([
  ['has no image under the tag', { status: 404 }],
  ['counts too many requests', { status: 429 }],
  ['is out of order', { status: 503 }],
])('does not ask again by GET where a registry %s', async (_what, head) => {
  const world = play(head, manifestReply)
  expect((await world.findDigest('registry.example/shop', 'v1', null)).ok).toBe(false)
  expect(world.asked).toHaveLength(1)
})

const page = '<!doctype html><title>Sign in</title>'

test.each<[string, Reply]>([
  ['a page', { headers: { 'content-type': 'text/html; charset=utf-8' }, body: page }],
  ['a page that claims to be a manifest', { ...manifestReply, body: page }],
  ['a manifest as a page', { ...manifestReply, headers: { 'content-type': 'text/html' } }],
  ['JSON that is no manifest', { body: '{"login":"https://sso.example"}' }],
  [
    'an image of before schema 2',
    {
      headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
      body: '{"schemaVersion": 1}',
    },
  ],
])('takes no digest from what is no manifest: %s', async (_what, reply) => {
  const world = play({}, reply)
  const found = await world.findDigest('registry.example/shop', 'v1', null)
  const says = /^registry\.example answers with .*, which is no manifest of an image/
  expect(found).toEqual(explained('registry_unavailable', says))
})

test('takes no digest from the head of a page', async () => {
  const headers = { 'content-type': 'text/html', 'docker-content-digest': digest }
  const world = play({ headers }, { headers, body: page })
  const found = await world.findDigest('registry.example/shop', 'v1', null)
  expect(found).toEqual(explained('registry_unavailable', /answers with text\/html,/))
})

test('quotes no more of a content type than a type has', async () => {
  const world = play({}, { headers: { 'content-type': `<b>${'x'.repeat(5000)}` }, body: page })
  const found = await world.findDigest('registry.example/shop', 'v1', null)
  expect(found).toEqual(explained('registry_unavailable', /^.{1,300}$/))
})

test.each<[string, Reply | 'unreachable', ReturnType<typeof refusal>]>([
  ['does not have the tag', { status: 404 }, refusal('image_missing')],
  [
    'asks for a login that the app does not have',
    { status: 401 },
    refusal('registry_unauthorized'),
  ],
  ['refuses', { status: 403 }, refusal('registry_unauthorized')],
  ['is out of order', { status: 503 }, refusal('registry_unavailable')],
  ['is not there', 'unreachable', refusal('registry_unavailable')],
  [
    'counts too many pulls',
    { status: 429, headers: { 'retry-after': '60' } },
    refusal('registry_unavailable', 60),
  ],
  [
    'names a day to retry on',
    { status: 429, headers: { 'retry-after': 'Fri, 20 Nov 2026 14:00:00 GMT' } },
    refusal('registry_unavailable'),
  ],
])('reports why there is no digest: the registry %s', async (_what, reply, expected) => {
  // Where HEAD is refused, the answer to GET counts.
  const world = play(reply, reply)
  expect(await world.findDigest('acme/shop', 'v1', null)).toEqual(expected)
})

test.each<[string, Reply | 'unreachable', ReturnType<typeof refusal>]>([
  ['refuses the password', { status: 401 }, refusal('registry_unauthorized')],
  ['is not found', { status: 404 }, refusal('registry_unavailable')],
  ['is out of order', { status: 500 }, refusal('registry_unavailable')],
  ['answers nonsense', { body: '<html>' }, refusal('registry_unavailable')],
  ['answers no token', { body: '{}' }, refusal('registry_unavailable')],
  ['is not there', 'unreachable', refusal('registry_unavailable')],
])('reports why there is no digest: the token service %s', async (_what, reply, expected) => {
  const world = play(bearer, reply)
  expect(await world.findDigest('acme/shop', 'v1', login)).toEqual(expected)
})

test('asks for one token for HEAD and one for GET, and reports unauthorized if the registry refuses both', async () => {
  const token = { body: '{"token": "t0ken"}' }
  const world = play(bearer, token, bearer, bearer, token, bearer)
  const found = await world.findDigest('acme/shop', 'v1', null)
  expect(found).toEqual(refusal('registry_unauthorized'))
  expect(world.asked).toHaveLength(6)
})

const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** An image of one platform in an index, as BuildKit pushes it. */
const imageOf = (labels: object) => {
  const configuration = JSON.stringify({ architecture: 'amd64', config: { Labels: labels } })
  const manifest = JSON.stringify({
    config: { digest: hashOf(configuration), size: 1 },
    layers: [],
  })
  const index = JSON.stringify({ manifests: [{ digest: hashOf(manifest) }] })
  return { configuration, manifest, index, digest: Digest.parse(hashOf(index)) }
}

const commit = '0123456789abcdef0123456789abcdef01234567'
const shop = imageOf({ 'org.opencontainers.image.revision': commit })

test('reads the commit label from index, manifest and configuration with one token', async () => {
  const { index, manifest, configuration, digest: wanted } = shop
  const world = play(
    bearer,
    { body: '{"token": "t0ken"}' },
    { body: index },
    { body: manifest },
    { body: configuration },
  )
  const found = await world.findCommit('acme/shop', wanted, login)
  expect(found).toEqual({ ok: true, value: commit })
  const at = 'GET https://registry-1.docker.io/v2/acme/shop'
  expect(world.lines().slice(2)).toEqual([
    `${at}/manifests/${wanted} Bearer t0ken`,
    `${at}/manifests/${hashOf(manifest)} Bearer t0ken`,
    `${at}/blobs/${hashOf(configuration)} Bearer t0ken`,
  ])
})

test('reads the commit label of an image without an index', async () => {
  const { manifest, configuration } = shop
  const world = play({ body: manifest }, { body: configuration })
  const wanted = Digest.parse(hashOf(manifest))
  const found = await world.findCommit('registry.example/shop', wanted, null)
  expect(found).toEqual({ ok: true, value: commit })
})

test('finds no commit for an image without the label', async () => {
  const { index, manifest, configuration, digest: wanted } = imageOf({ maintainer: 'ada' })
  const world = play({ body: index }, { body: manifest }, { body: configuration })
  const found = await world.findCommit('registry.example/shop', wanted, null)
  expect(found).toEqual({ ok: true, value: null })
})

test('refuses content that does not match the digest', async () => {
  const world = play({ body: shop.index }, { body: shop.manifest }, { body: '{"config":{}}' })
  const found = await world.findCommit('registry.example/shop', shop.digest, null)
  expect(found).toEqual(refusal('registry_unavailable'))
})

test('follows no index within an index within an index', async () => {
  const inner = JSON.stringify({ manifests: [{ digest: shop.digest }] })
  const outer = JSON.stringify({ manifests: [{ digest: hashOf(inner) }] })
  const world = play({ body: outer }, { body: inner }, { body: shop.index })
  const wanted = Digest.parse(hashOf(outer))
  const found = await world.findCommit('registry.example/shop', wanted, null)
  expect(found).toEqual({ ok: true, value: null })
  expect(world.asked).toHaveLength(2)
})

test.each<[string, Reply | 'unreachable', ReturnType<typeof refusal>]>([
  [
    'counts too many pulls',
    { status: 429, headers: { 'retry-after': '3600' } },
    refusal('registry_unavailable', 3600),
  ],
  ['has lost it', { status: 404 }, refusal('image_missing')],
  ['is out of order', { status: 500 }, refusal('registry_unavailable')],
  ['is not there', 'unreachable', refusal('registry_unavailable')],
])('reports why there is no commit: the registry %s', async (_what, reply, expected) => {
  for (const replies of [[reply], [{ body: shop.index }, reply]]) {
    const found = await play(...replies).findCommit('registry.example/shop', shop.digest, null)
    expect(found).toEqual(expected)
  }
})

const indexType = 'application/vnd.oci.image.index.v1+json'
const goneImage = `sha256:${'b'.repeat(64)}`
const indexBody = (platform: unknown, most = 1): string =>
  JSON.stringify({
    manifests: Array.from({ length: most }, () => ({ digest: goneImage, platform })),
  })

/** A registry that has an index under the digest of its body, and nothing that it names. */
const holding = (body: string, ofImages: (method: string) => number) => {
  const asked: string[] = []
  const wanted = Digest.parse(`sha256:${createHash('sha256').update(body).digest('hex')}`)
  const http: Http = async ({ method, url }) => {
    asked.push(`${method} ${url.pathname.split(':').at(-1)?.slice(0, 4)}`)
    const isIndex = url.pathname.endsWith(wanted)
    const headers = new Headers({ 'content-type': indexType })
    const status = isIndex ? 200 : ofImages(method)
    return { ok: true, value: { status, headers, body: Buffer.from(isIndex ? body : '') } }
  }
  return { check: () => openImage(http, 'shop.example/shop', null).checkPlatforms(wanted), asked }
}

test('reads no manifest of an image for one platform to know that none of its images is gone', async () => {
  const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  const world = play({ headers })
  expect(await world.checkPlatforms()).toEqual([])
  expect(world.lines()).toHaveLength(1)
})

test.each([
  ['has neither', () => 404, true],
  ['hides from HEAD', (method: string) => (method === 'HEAD' ? 404 : 200), false],
  ['refuses', () => 403, false],
  ['does not answer for now', () => 503, false],
])('an image of an index that the registry %s', async (_what, ofImages, isGone) => {
  const { check } = holding(indexBody({ os: 'linux', architecture: 'arm64' }), ofImages)
  expect(await check()).toEqual([{ platform: 'linux/arm64', digest: goneImage, isGone }])
})

test('knows of no image that is gone while the registry does not answer', async () => {
  expect(await play('unreachable').checkPlatforms()).toEqual([])
})

test('asks for 16 images of an index at most, and bounds what it calls them', async () => {
  const long = { os: 'linux', architecture: `\u001B[31m${'x'.repeat(9999)}\u202E` }
  const { check, asked } = holding(indexBody(long, 5000), () => 404)
  const found = await check()
  expect(found).toHaveLength(16)
  expect(asked).toHaveLength(2 + 2 * 16)
  expect(found[0]?.platform).toMatch(/^linux\/x{20,40}$/)
})
