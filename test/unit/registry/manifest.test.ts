import { expect, test } from 'vitest'
import type { Digest } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import {
  findImageSize,
  listPlatforms,
  parseManifest,
  parseOriginLabels,
  parseRevisionLabel,
  parseSize,
} from '../../../src/registry/manifest.ts'
import { commit } from '../../support/apps.ts'
import { digestOf } from '../../support/service-stage.ts'

const encode = (body: unknown): Uint8Array => Buffer.from(JSON.stringify(body))

const manifest = encode({
  config: { digest: digestOf('d'), size: 100 },
  layers: [{ size: 2_000 }, { size: 30_000 }],
})
const entry = (letter: string, os: string, architecture: string, more: object = {}) => ({
  digest: digestOf(letter),
  platform: { os, architecture },
  ...more,
})
const attestation = entry('f', 'unknown', 'unknown', {
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
})
const amd64 = entry('a', 'linux', 'amd64')
const arm64 = entry('b', 'linux', 'arm64')
const indexOf = (...manifests: readonly object[]) => encode({ schemaVersion: 2, manifests })
const index = indexOf(amd64, arm64, attestation)
const noManifests = ['{', '[]', 'null', '{"manifests":[{"digest":"x"}]}', '{"config":{}}']

test.each([
  ['linux/amd64, if it has that', indexOf(arm64, amd64, attestation), 'a'],
  ['its only platform, never an attestation', indexOf(attestation, arm64), 'b'],
  ['its first manifest, if it names no platform', indexOf({ digest: digestOf('c') }), 'c'],
])('reads the labels of an index from %s', (_what, body, letter) => {
  expect(parseManifest(body)).toEqual({ kind: 'manifest', digest: digestOf(letter) })
})

test('reads no labels from an index without an image', () => {
  expect(parseManifest(indexOf(attestation))).toBeNull()
  expect(parseManifest(indexOf())).toBeNull()
})

test('reads the labels of a manifest from its configuration', () => {
  expect(parseManifest(manifest)).toEqual({ kind: 'configuration', digest: digestOf('d') })
})

test.each(noManifests)('reads no labels from %s, which is no manifest', (text) => {
  expect(parseManifest(Buffer.from(text))).toBeNull()
})

const labelled = (label: unknown) =>
  parseRevisionLabel(encode({ config: { Labels: { 'org.opencontainers.image.revision': label } } }))

test('takes the commit from the revision label', () => {
  expect(labelled(commit)).toBe(commit)
})

test.each(['0123456', 'main', '', `${commit}-dirty`, 7, null])(
  'takes no commit from the revision label %s',
  (label) => {
    expect(labelled(label)).toBeNull()
  },
)

const told = (labels: Readonly<Record<string, string>>) =>
  parseOriginLabels(
    encode({
      config: {
        Labels: Object.fromEntries(
          Object.entries(labels).map(([name, value]) => [
            `org.opencontainers.image.${name}`,
            value,
          ]),
        ),
      },
    }),
  )

test('takes title, author and run from the labels', () => {
  const runUrl = 'https://github.com/acme/shop/actions/runs/7'
  const labels = { title: 'Add a field', authors: 'Ada Lovelace <ada@example.com>', url: runUrl }
  expect(told(labels)).toEqual({
    title: 'Add a field',
    author: 'Ada Lovelace',
    login: null,
    runUrl,
    compareUrl: null,
  })
})

test.each([
  ['the name of the repository', { title: 'shop', url: 'https://github.com/acme/shop' }],
  ['the name of its source', { title: 'shop', source: 'https://github.com/acme/shop' }],
  ['the name of a clone address', { title: 'shop', source: 'https://github.com/acme/shop.git' }],
  ['another page', { url: 'https://github.com/acme/shop' }],
  ['a script', { url: 'javascript:alert("/actions/runs/")', title: '\u001B[2J' }],
  ['a run elsewhere', { url: 'https://evil.example/acme/shop/actions/runs/7' }],
])('takes nothing of a commit from labels with %s', (_what, labels) => {
  expect(told(labels)).toBeNull()
})

test.each([
  ['no labels', { config: {} }],
  ['null labels', { config: { Labels: null } }],
  ['no configuration', {}],
  ['other labels only', { config: { Labels: { maintainer: 'ada' } } }],
])('takes no commit from an image with %s', (_what, configuration) => {
  expect(parseRevisionLabel(encode(configuration))).toBeNull()
  expect(parseOriginLabels(encode(configuration))).toBeNull()
})

test('takes the run of a CircleCI workflow from the labels', () => {
  const url = 'https://app.circleci.com/pipelines/github/acme/shop/7/workflows/0123'
  expect(told({ url })).toMatchObject({ runUrl: url })
})

test('reads an index whose other fields are of another type', () => {
  const body = encode({
    manifests: [{ digest: digestOf('a'), size: 7, platform: 7, annotations: [] }],
  })
  expect(parseManifest(body)).toEqual({ kind: 'manifest', digest: digestOf('a') })
})

const unknown = { kind: 'unknown' } as const
test.each([
  ['the sum of the layers for a manifest', manifest, 'x86_64', { kind: 'known', bytes: 32_100 }],
  ['elsewhere for an index', index, 'x86_64', { kind: 'elsewhere', digest: digestOf('a') }],
  ['under the machine’s platform', index, 'aarch64', { kind: 'elsewhere', digest: digestOf('b') }],
  ['under the first platform, for any', index, null, { kind: 'elsewhere', digest: digestOf('a') }],
  ['missing without the platform', indexOf(), 'aarch64', { kind: 'no_platform' }],
  ['unknown for a rare machine', index, 'riscv64', { kind: 'unknown' }],
  [
    'unknown for no sizes',
    encode({ config: { digest: digestOf('a') }, layers: [] }),
    null,
    unknown,
  ],
  ['unknown for no manifest', encode({ fsLayers: [] }), 'x86_64', { kind: 'unknown' }],
  ['unknown for no JSON', new Uint8Array([1, 2]), 'x86_64', { kind: 'unknown' }],
])('finds an image’s size %s', (_where, body, machine, size) => {
  expect(parseSize(body, machine)).toEqual(size)
})

/** A registry with these manifests under their digests. */
const registryOf = (manifests: Readonly<Record<string, Uint8Array>>) => {
  const asked: string[] = []
  const readManifest = async (digest: Digest) => {
    asked.push(digest)
    const body = manifests[digest]
    return body === undefined
      ? fail({ reason: 'image_missing' as const, retryAfterSeconds: null })
      : succeed(body)
  }
  return { find: () => findImageSize(readManifest, digestOf('e'), 'aarch64'), asked }
}

test('reads two manifests at most for an image’s size', async () => {
  const one = registryOf({ [digestOf('e')]: index, [digestOf('b')]: manifest })
  expect(await one.find()).toEqual({ kind: 'known', bytes: 32_100 })
  expect(one.asked).toEqual([digestOf('e'), digestOf('b')])
  const deep = registryOf({ [digestOf('e')]: index, [digestOf('b')]: index })
  expect(await deep.find()).toEqual({ kind: 'unknown' })
  expect(deep.asked).toHaveLength(2)
})

test('tells which image of an index the registry does not have', async () => {
  expect(await registryOf({ [digestOf('e')]: index }).find()).toEqual({
    kind: 'platform_gone',
    digest: digestOf('b'),
  })
})

test('does not know the size of an image that the registry does not have', async () => {
  expect(await registryOf({}).find()).toEqual({ kind: 'unknown' })
})

test('lists the digests of an index’s platforms', async () => {
  const body = indexOf({ digest: digestOf('a') }, { digest: digestOf('b'), platform: {} })
  const listed = await listPlatforms(async () => succeed(body), digestOf('e'))
  expect(listed).toEqual(succeed([digestOf('a'), digestOf('b')]))
})

test.each([
  ['a manifest', manifest],
  ['no JSON', new Uint8Array([1, 2])],
  ['too large', null],
])('lists no platform of an image that is %s', async (_what, body) => {
  expect(await listPlatforms(async () => succeed(body), digestOf('e'))).toEqual(succeed([]))
})

test('passes on why the registry does not list platforms', async () => {
  const failure = fail({ reason: 'registry_unavailable' as const, retryAfterSeconds: null })
  expect(await listPlatforms(async () => failure, digestOf('e'))).toBe(failure)
})
