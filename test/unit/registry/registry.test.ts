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

const digest = `sha256:${'a'.repeat(64)}`
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
  ['this machine', 'http://127.0.0.1:9001/next', /which is on this machine/],
  ['a service without HTTPS', 'http://registry.example.com/token', /which does not use HTTPS/],
])('says why it does not ask for a token: the registry names %s', async (_what, realm, message) => {
  const headers = { 'www-authenticate': `Bearer realm="${realm}"` }
  const world = play({ status: 401, headers })
  const found = await world.findDigest('registry.example.com/shop', 'v1', null)
  expect(found).toEqual(explained('registry_unauthorized', message))
  expect(world.asked).toHaveLength(1)
})

test('answers no challenge of another host, to which a redirect led', async () => {
  const redirectedTo = new URL('https://store.example/v2/shop/manifests/v1')
  const own = { 'www-authenticate': 'Bearer realm="https://registry.example.com/token"' }
  const world = play({ status: 401, headers: own, redirectedTo })
  const found = await world.findDigest('registry.example.com/shop', 'v1', login)
  expect(found).toEqual(explained('registry_unauthorized', /sends requests on to store\.example/))
  expect(world.asked).toHaveLength(1)
})

test('hashes the manifest of a registry that names no digest', async () => {
  const manifest = '{"schemaVersion": 2}'
  const world = play({}, { body: manifest })
  const hash = createHash('sha256').update(manifest).digest('hex')
  const found = await world.findDigest('registry.example/shop', 'v1', null)
  expect(found).toEqual({ ok: true, value: `sha256:${hash}` })
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
  const world = play(reply)
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

test('asks for one token only, and reports unauthorized if the registry refuses it', async () => {
  const world = play(bearer, { body: '{"token": "t0ken"}' }, bearer)
  const found = await world.findDigest('acme/shop', 'v1', null)
  expect(found).toEqual(refusal('registry_unauthorized'))
  expect(world.asked).toHaveLength(3)
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
