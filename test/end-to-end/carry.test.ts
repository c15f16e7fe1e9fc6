import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { createEmptyLayer } from '../../local/docker/layers.ts'
import { pushOciImage, type OciImage } from '../../local/docker/registry-push-oci.ts'
import { toDigest, type Layer } from '../../local/docker/registry-push.ts'
import { startRegistry, type Registry } from '../../local/docker/registry.ts'
import { startRegistryFront, type RegistryFront } from '../../local/heroku/registry-front.ts'
import { createCarry } from '../../src/carry/carry.ts'
import { every, systemClock } from '../../src/kernel/clock.ts'
import { http, openHttp } from '../../src/kernel/http.ts'
import { AppName, Digest } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { succeed } from '../../src/kernel/result.ts'
import type { CarryOrder } from '../../src/targets/carry.ts'
import type { ReadSecret } from '../../src/secrets/app-secret.ts'
import { readLoginOf } from '../support/read-login.ts'

const login = { username: 'shop', password: 'correct horse' }
const apiKey = 'HRKU-0000-1111-2222-3333'
const schema2 = 'application/vnd.docker.distribution.manifest.v2+json'

let directory = ''
let source: Registry
let target: Registry
let front: RegistryFront
const lines: string[] = []
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-carry-test-'))
  const at = (name: string) => ({ port: 0, directory: join(directory, name) })
  source = await startRegistry({ ...at('source'), credentials: login })
  target = await startRegistry(at('target'))
  front = await startRegistryFront({
    registry: target.address,
    isToken: (token) => token === apiKey,
  })
})
afterAll(async () => {
  await front.stop()
  await target.stop()
  await source.stop()
  rmSync(directory, { recursive: true })
})
afterEach(() => {
  front.intercept = () => null
})

const carry = (order: CarryOrder, key = apiKey) => {
  const taken = () => Promise.resolve(true)
  const readSecret: ReadSecret = (name) => {
    const value = new Redacted(name === 'heroku' ? `${key}\n` : JSON.stringify(login))
    return Promise.resolve(succeed({ value, versionId: '1' }))
  }
  return createCarry({
    every,
    http,
    openHttp,
    readSecret,
    readLogin: readLoginOf(readSecret),
    records: { claim: taken, record: taken, load: () => Promise.resolve(null) },
    registry: front.url,
    clock: systemClock,
    newRun: () => 'run',
    log: createLog({}, (line) => lines.push(line)),
    maxImageBytes: 50_000_000,
    runMilliseconds: 60_000,
  })(order)
}

const toLayer = (bytes: Uint8Array<ArrayBuffer>): Layer => {
  const digest = toDigest(bytes)
  return { bytes, digest, diffId: digest }
}

/** An image of its own, and the order for it. */
const push = async (heroku: string, more: Partial<OciImage> = {}) => {
  const layers = [
    createEmptyLayer(),
    ...[1, 2].map(() => toLayer(new Uint8Array(randomBytes(2_000_000)))),
  ]
  const config = { Entrypoint: ['/entry'], Cmd: ['gunicorn'] }
  const name = `${source.address}/acme/${heroku}`
  const digest = await pushOciImage({ name, tag: 'v1', layers, config, ...more }, login)
  const order: CarryOrder = {
    app: AppName.parse('shop'),
    image: name,
    digest: Digest.parse(digest),
    registry: 'registry',
    registryRealm: null,
    heroku,
    process: 'web',
    token: 'heroku',
    release: ['python', 'manage.py', 'migrate'],
  }
  return { layers, order }
}

const readFrom = (path: string, accept: string): Promise<Response> =>
  fetch(`http://${target.address}/v2/${path}`, { headers: { accept } })

const Manifest = z.object({
  mediaType: z.string(),
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string() })),
})
const Configuration = z.object({ config: z.record(z.string(), z.unknown()) })

const readImage = async (repository: string) => {
  const answer = await readFrom(`${repository}/manifests/latest`, schema2)
  const manifest = Manifest.parse(await answer.json())
  const blob = await readFrom(`${repository}/blobs/${manifest.config.digest}`, '*/*')
  return {
    type: answer.headers.get('content-type'),
    manifest,
    ...Configuration.parse(await blob.json()),
  }
}

/** The digests of the blobs that an app's repositories were sent. */
const uploadsTo = (heroku: string): string[] =>
  front.requests
    .filter(
      ({ method, path, status }) =>
        method === 'PUT' &&
        path.startsWith(`/v2/${heroku}/`) &&
        path.includes('digest=') &&
        status === 201,
    )
    .map(({ path }) => new URL(path, front.url).searchParams.get('digest') ?? '')

test('an OCI image with an attestation is in the other registry as schema 2, with its release image', async () => {
  const { layers, order } = await push('whole')
  const progress = await carry(order)
  if (progress.status !== 'carried') throw new Error(JSON.stringify(progress))
  const [web, release] = [await readImage('whole/web'), await readImage('whole/release')]
  expect(web.type).toBe(schema2)
  expect(web.manifest.config.digest).toBe(progress.image)
  expect(release.manifest.config.digest).toBe(progress.release)
  expect(web.config).toEqual({ Entrypoint: ['/entry'], Cmd: ['gunicorn'] })
  expect(release.config).toEqual({ Entrypoint: ['python', 'manage.py'], Cmd: ['migrate'] })
  for (const { manifest } of [web, release])
    expect(manifest.layers.map(({ digest }) => digest)).toEqual(layers.map(({ digest }) => digest))
  for (const { digest, bytes } of layers) {
    const blob = await readFrom(`whole/release/blobs/${digest}`, '*/*')
    expect(toDigest(new Uint8Array(await blob.arrayBuffer()))).toBe(digest)
    expect(blob.headers.get('content-length')).toBe(`${bytes.length}`)
  }
  // The layers of the release image were mounted: only the two configurations came beside them.
  expect(uploadsTo('whole')).toHaveLength(layers.length + 2)

  const before = front.requests.length
  const { at: _, ...rest } = progress
  expect(await carry(order)).toMatchObject({ ...rest, sentBytes: 0 })
  expect(front.requests.slice(before).filter(({ bytes }) => bytes > 0)).toEqual([])
})

test('a run that breaks off is begun again with the layers that are not there', async () => {
  const { layers, order } = await push('broken')
  const last = layers.at(-1)?.digest ?? ''
  front.intercept = ({ method, path }) =>
    method === 'PUT' && decodeURIComponent(path).includes(last) ? { status: 503 } : null
  expect(await carry(order)).toMatchObject({ status: 'unfinished', reason: 'target_unavailable' })
  front.intercept = () => null
  expect(await carry(order)).toMatchObject({ status: 'carried' })
  const sent = uploadsTo('broken')
  expect(layers.map(({ digest }) => sent.filter((one) => one === digest).length)).toEqual([1, 1, 1])
})

test.each([
  ['for another machine', { architecture: 'arm64' }, 'platform_missing'],
  [
    'with layers of zstd',
    { layerType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
    'layers_unsupported',
  ],
])('an image %s is refused before a layer is read', async (_, more, reason) => {
  const { order } = await push('refused', more)
  expect(await carry(order)).toMatchObject({ status: 'refused', reason })
  expect(front.requests.filter(({ path }) => path.includes('/refused/'))).toEqual([])
})

test('a wrong API key is told, and a manifest that is not taken', async () => {
  const { order } = await push('denied')
  expect(await carry(order, 'HRKU-of-another-team')).toMatchObject({
    status: 'refused',
    reason: 'target_unauthorized',
  })
  front.intercept = ({ method, path }) =>
    method === 'PUT' && path.includes('/manifests/')
      ? { status: 415, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }
      : null
  expect(await carry(order)).toMatchObject({ status: 'refused', reason: 'image_refused' })
})

test('the front takes no OCI manifest, as Heroku takes none', async () => {
  const authorization = `Basic ${Buffer.from(`_:${apiKey}`).toString('base64')}`
  const headers = { authorization, 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  const url = new URL('/v2/whole/web/manifests/oci', front.url)
  expect((await fetch(url, { method: 'PUT', headers, body: '{}' })).status).toBe(415)
})

test('nothing that was logged holds a secret', () => {
  expect(lines.length).toBeGreaterThan(5)
  expect(lines.join('\n')).not.toMatch(/correct horse|HRKU|Basic|_state/)
})
