import { expect, test } from 'vitest'
import type { Http } from '../../../src/kernel/http.ts'
import { Digest } from '../../../src/kernel/id.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createImages } from '../../../src/registry/images.ts'
import { computeDigest } from '../../../src/registry/registry.ts'
import { appOf } from '../../support/apps.ts'
import { failedSecret, toSecretReason } from '../../support/failed-secret.ts'
import { readLoginOf } from '../../support/read-login.ts'

const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const registry = 'landfall/prod/registry'
const app = appOf('shop', { image: 'registry.example.com/shop', registry })

/** A registry that asks for a password; `held` is the text of the secret, or why there is none. */
const imagesOf = (held: string) => {
  const sent: (string | null)[] = []
  const patience: (number | undefined)[] = []
  const http: Http = async ({ authorization, timeoutMilliseconds }) => {
    sent.push(authorization?.reveal() ?? null)
    patience.push(timeoutMilliseconds)
    const headers = new Headers({
      'www-authenticate': 'Basic realm="registry"',
      'docker-content-digest': digest,
    })
    return succeed({ status: authorization ? 200 : 401, headers, body: Buffer.from('') })
  }
  const readLogin = readLoginOf(async (name) => {
    const reason = toSecretReason(held)
    return reason === null
      ? succeed({ value: new Redacted(held), versionId: 'v1' })
      : failedSecret(reason, name)
  })
  const images = createImages(http, readLogin)
  return { images, sent, patience }
}

test('asks the registry with the credentials that the app names', async () => {
  const { images, sent } = imagesOf('{"username":"acme","password":"hunter22"}')
  expect(await images.findDigest(app, 'v1')).toEqual(succeed(digest))
  expect(sent).toEqual([null, `Basic ${Buffer.from('acme:hunter22').toString('base64')}`])
})

test('asks the registry without credentials if the app names none', async () => {
  const { images } = imagesOf('secret_unavailable')
  const refused = fail({ reason: 'registry_unauthorized', retryAfterSeconds: null })
  expect(await images.findDigest({ ...app, registry: null }, 'v1')).toEqual(refused)
})

test.each([
  ['secret_missing', 'secret_missing'],
  ['secret_refused', 'secret_refused'],
  ['secret_unavailable', 'secret_unavailable'],
  ['no JSON', 'secret_invalid'],
  ['{"username":"acme"}', 'secret_invalid'],
])('asks the registry nothing with the credentials %s, and says %s', async (held, reason) => {
  const { images, sent } = imagesOf(held)
  for (const found of [await images.findDigest(app, 'v1'), await images.findCommit(app, digest)]) {
    expect(found).toMatchObject({ ok: false, error: { reason, retryAfterSeconds: null } })
    expect(found.ok ? '' : found.error.message).toContain(app.registry)
  }
  expect(sent).toEqual([])
})

test('tells the platforms of an image later if the registry credentials cannot be read now', async () => {
  const { images } = imagesOf('secret_unavailable')
  const release = { settings: app, digest }
  await expect(images.listPlatforms(release)).rejects.toBeInstanceOf(Retryable)
})

test.each(['secret_unavailable', 'secret_missing'])(
  'does not know a private image’s size, and throws nothing, if the credentials say %s',
  async (held) => {
    const { images } = imagesOf(held)
    expect(await images.findSize(app, digest, null)).toEqual({ kind: 'unknown' })
  },
)

test('hides no fault of its own behind an unknown size', async () => {
  const readSecret = () => Promise.reject(new TypeError('a fault'))
  const images = createImages(
    () => Promise.reject(new TypeError('never asked')),
    readLoginOf(readSecret),
  )
  await expect(images.findSize(app, digest, null)).rejects.toThrow(TypeError)
})

test.each(['{"username":"acme","password":"hunter22"}', 'secret_unavailable', 'secret_missing'])(
  'finds no origin, and throws nothing, if the registry or the credentials do not answer: %s',
  async (held) => {
    const { images } = imagesOf(held)
    expect(await images.findOrigin(app, digest)).toBeNull()
  },
)

test('gives a registry a second for each request about an origin, and its usual time for others', async () => {
  const { images, patience } = imagesOf('{"username":"acme","password":"hunter22"}')
  await images.findOrigin(app, digest)
  expect(patience).toEqual([1000, 1000])
  await images.findDigest(app, 'v1')
  expect(patience.slice(2)).toEqual([undefined, undefined])
})

test('asks for a token where landfall.yml names the token service, also without the login', async () => {
  const realm = 'https://auth.example.org/token'
  const manifest = JSON.stringify({ manifests: [{ digest }] })
  const http: Http = async ({ url, authorization }) => {
    const reply = (status: number, body: string, headers: Record<string, string> = {}) =>
      succeed({ status, headers: new Headers(headers), body: Buffer.from(body) })
    if (url.host === 'auth.example.org') return reply(200, '{"token":"t0ken"}')
    return authorization?.reveal() === 'Bearer t0ken'
      ? reply(200, manifest)
      : reply(401, '', { 'www-authenticate': `Bearer realm="${realm}"` })
  }
  const images = createImages(
    http,
    readLoginOf(async (name) => failedSecret('secret_missing', name)),
  )
  const there = { ...app, registry: null, registryRealm: realm }
  const index = computeDigest(manifest)
  expect(await images.findDigest(there, 'v1')).toEqual(succeed(index))
  for (const settings of [there, { ...there, registry }])
    expect(await images.listPlatforms({ settings, digest: index })).toEqual([digest])
})
