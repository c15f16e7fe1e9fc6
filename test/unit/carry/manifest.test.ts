import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { parseCarriedConfiguration, renderWithCommand } from '../../../src/carry/configuration.ts'
import {
  parseImageOrIndex,
  readImageId,
  renderSchema2,
  type Image,
} from '../../../src/carry/manifest.ts'
import { checkSize, planCarry } from '../../../src/carry/plan.ts'
import { configurationOf, digestOf, layers, manifestOf } from '../../support/carry-world.ts'

const vectors = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(new URL('schema2-vectors.json', import.meta.url), 'utf8')))
const vector = (name: string): string => vectors[name] ?? ''

const parse = (text: string) => parseImageOrIndex(Buffer.from(text))
const imageOf = (text: string): Image => {
  const parsed = parse(text)
  if (!parsed.ok || parsed.value.kind !== 'image') throw new Error(JSON.stringify(parsed))
  return parsed.value.image
}

const expectRefusal = (result: unknown, reason: string, why: RegExp) => {
  expect(result).toMatchObject({ ok: false, error: { kind: 'refused', reason } })
  const Refused = z.object({ error: z.object({ why: z.string() }) })
  expect(Refused.parse(result).error.why).toMatch(why)
}

describe('the conversion', () => {
  test('gives byte for byte the manifest that skopeo gives', () => {
    const schema2 = renderSchema2(imageOf(vector('oci')))
    expect(schema2).toBe(vector('schema2'))
    expect(digestOf(schema2)).toBe(vector('schema2Digest'))
  })

  test('leaves a manifest of schema 2 as it is', () => {
    expect(renderSchema2(imageOf(vector('schema2')))).toBe(vector('schema2'))
  })

  test('keeps the id of the image, which is the digest of its configuration', () => {
    const id = digestOf(vector('configuration'))
    expect(readImageId(Buffer.from(vector('schema2')))).toBe(id)
    expect(imageOf(vector('oci')).config.digest).toBe(id)
  })

  test('takes layers that are not packed', () => {
    const plain = vector('oci').replaceAll('tar+gzip', 'tar')
    expect(renderSchema2(imageOf(plain))).toBe(vector('schema2').replaceAll('tar.gzip', 'tar'))
  })
})

describe('an index', () => {
  const entry = (changes: object) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'a'.repeat(64)}`,
    size: 7,
    platform: { os: 'linux', architecture: 'amd64' },
    ...changes,
  })
  const indexOf = (...manifests: object[]) => JSON.stringify({ schemaVersion: 2, manifests })
  const baseline = entry({ digest: `sha256:${'b'.repeat(64)}` })
  const amd64 = (variant: string) => entry({ platform: { ...baseline.platform, variant } })

  test('leads to the image for linux/amd64, beside an attestation', () => {
    expect(parse(vector('index'))).toMatchObject({
      ok: true,
      value: { kind: 'index', amd64: { digest: vector('ociDigest') } },
    })
  })

  test.each([
    ['a newer amd64', [amd64('v3'), baseline]],
    [
      'another architecture',
      [entry({ platform: { os: 'linux', architecture: 'arm64' } }), baseline],
    ],
    ['another system', [entry({ platform: { os: 'windows', architecture: 'amd64' } }), baseline]],
    [
      'an attestation that names amd64',
      [entry({ annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }), baseline],
    ],
    ['an entry without a platform', [entry({ platform: undefined }), baseline]],
  ])('leads past %s', (_, manifests) => {
    const { digest, size } = baseline
    expect(parse(indexOf(...manifests))).toEqual({
      ok: true,
      value: { kind: 'index', amd64: { digest, size } },
    })
  })

  test('leads to a newer amd64 where there is no other', () => {
    expect(parse(indexOf(amd64('v3')))).toMatchObject({ ok: true })
  })

  test('names the platforms that it has where amd64 is missing', () => {
    const arm = entry({ platform: { os: 'linux', architecture: 'arm64\u202e<script>' } })
    expectRefusal(parse(indexOf(arm)), 'platform_missing', /is for linux\/arm64\?\?script\?: build/)
    expectRefusal(parse(indexOf()), 'platform_missing', /none that it names/)
  })
})

describe('what is no image that Heroku runs is refused', () => {
  const configuration = configurationOf()
  const changed = (changes: object) => manifestOf(configuration, changes)
  const layer = { digest: `sha256:${'c'.repeat(64)}`, size: 3 }
  test.each([
    [
      'layers packed with zstd',
      changed({ layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }] }),
      'layers_unsupported',
      /zstd.*gzip/,
    ],
    [
      'layers of a type unknown',
      changed({ layers: [{ ...layer, mediaType: 'application/x\n' }] }),
      'layers_unsupported',
      /type application\/x\? /,
    ],
    [
      'layers that lie elsewhere',
      changed({
        layers: [
          {
            ...layer,
            mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
            urls: ['https://evil.example'],
          },
        ],
      }),
      'layers_unsupported',
      /cannot be brought/,
    ],
    [
      'an image and an index at once',
      changed({ manifests: [] }),
      'image_invalid',
      /no container image/,
    ],
    [
      'another artefact',
      changed({ config: { ...layer, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }),
      'image_invalid',
      /no container image/,
    ],
    [
      'a manifest of schema 1',
      '{"schemaVersion":1,"fsLayers":[]}',
      'image_invalid',
      /no container image/,
    ],
    [
      'a negative size',
      changed({ layers: [{ ...layer, size: -1 }] }),
      'image_invalid',
      /no container image/,
    ],
    [
      'a digest of another kind',
      changed({ layers: [{ ...layer, digest: `sha512:${'c'.repeat(128)}` }] }),
      'image_invalid',
      /no container image/,
    ],
    ['no JSON', '<html>', 'image_invalid', /no container image/],
    [
      'too many layers',
      changed({
        layers: Array.from({ length: 128 }, () => ({
          ...layer,
          mediaType: 'application/vnd.oci.image.layer.v1.tar',
        })),
      }),
      'image_invalid',
      /128 layers/,
    ],
  ])('%s', (_, text, reason, why) => {
    expectRefusal(parse(text), reason, why)
  })

  const image = imageOf(manifestOf(configuration))
  test.each([
    [
      'another architecture',
      configurationOf({ architecture: 'arm64' }),
      'platform_missing',
      /amd64/,
    ],
    ['another system', configurationOf({ os: 'windows' }), 'platform_missing', /amd64/],
    [
      'another number of layers',
      configurationOf({ rootfs: { type: 'layers', diff_ids: [] } }),
      'image_invalid',
      /3 layers, and its configuration tells of 0/,
    ],
    ['no configuration', '[]', 'image_invalid', /configuration/],
  ])('a configuration with %s', (_, text, reason, why) => {
    expectRefusal(parseCarriedConfiguration(Buffer.from(text), image), reason, why)
  })

  test('an image above the limit, each layer counted once', () => {
    const bytes = layers.reduce((sum, { length }) => sum + length, configuration.length)
    const twice: Image = { ...image, layers: [...image.layers, ...image.layers] }
    expect(checkSize(twice, bytes)).toEqual({ ok: true, value: bytes })
    expectRefusal(checkSize(twice, bytes - 1), 'image_too_large', /^it has 1 MB, and at most 1 MB/)
  })

  test('one layer with two sizes', () => {
    const [first] = image.layers
    if (first === undefined) throw new Error('no layer')
    const lying = { ...image, layers: [...image.layers, { ...first, size: first.size + 1 }] }
    expectRefusal(checkSize(lying, 1e9), 'image_invalid', /two sizes/)
  })
})

describe('the release image', () => {
  const configuration = configurationOf({ created: '2026-11-30T00:00:00Z', x: { y: [1] } })
  const image = imageOf(manifestOf(configuration))
  const parsed = parseCarriedConfiguration(Buffer.from(configuration), image)
  if (!parsed.ok) throw new Error('no configuration')
  const withCommand = (...command: [string, ...string[]]): unknown =>
    JSON.parse(renderWithCommand(parsed.value, command))

  test('has the command instead of entrypoint and command, and all else as it was', () => {
    expect(withCommand('python', 'manage.py', 'migrate')).toEqual({
      ...z.looseObject({}).parse(JSON.parse(configuration)),
      config: { Env: ['A=1'], Entrypoint: ['python', 'manage.py'], Cmd: ['migrate'] },
    })
  })

  test('has neither list empty where the command is one word', () => {
    expect(withCommand('/app/my migrate')).toMatchObject({
      config: { Entrypoint: ['/bin/sh', '-c', 'exec "$0"'], Cmd: ['/app/my migrate'] },
    })
  })

  test('has no second entrypoint under a name in other letters', () => {
    const shouting = configurationOf({ config: { ENTRYPOINT: ['/other'], cmd: ['x'] } })
    const other = parseCarriedConfiguration(Buffer.from(shouting), image)
    if (!other.ok) throw new Error('no configuration')
    expect(JSON.parse(renderWithCommand(other.value, ['a', 'b']))).toMatchObject({
      config: { Entrypoint: ['a'], Cmd: ['b'] },
    })
    expect(renderWithCommand(other.value, ['a', 'b'])).not.toContain('/other')
  })

  test('of another attempt has another id, and the image itself has not', () => {
    const idsOf = (attempt?: number) => {
      const order = { heroku: 'shop', process: 'web', ...(attempt !== undefined && { attempt }) }
      const release: [string, string] = ['migrate', '--noinput']
      const planned = planCarry({ ...order, release }, image, Buffer.from(configuration))
      if (!planned.ok) throw new Error('no plan')
      return planned.value.map(({ imageId }) => imageId)
    }
    const [first, second, third] = [idsOf(), idsOf(7), idsOf(8)]
    expect(new Set([first[0], second[0], third[0]]).size).toBe(1)
    expect(new Set([first[1], second[1], third[1]]).size).toBe(3)
    expect(idsOf(7)).toEqual(second)
  })

  test('is planned after the image, of the same layers and by the same bytes each time', () => {
    const order = { heroku: 'shop', process: 'web', release: ['migrate', '--noinput'] } as const
    const plan = () =>
      planCarry({ ...order, release: ['migrate', '--noinput'] }, image, Buffer.from(configuration))
    const planned = plan()
    expect(planned).toEqual(plan())
    if (!planned.ok) throw new Error('no plan')
    const [web, release] = planned.value
    expect([web.repository, release?.repository]).toEqual(['shop/web', 'shop/release'])
    expect(web.pieces.map(({ digest }) => digest)).toEqual([
      ...layers.map((bytes) => digestOf(bytes)),
      digestOf(configuration),
    ])
    expect(release?.pieces.map(({ from }) => from)).toEqual([
      'shop/web',
      'shop/web',
      'shop/web',
      null,
    ])
    expect(release?.imageId).not.toBe(web.imageId)
    const content = release?.pieces.at(-1)?.content ?? new Uint8Array()
    expect(digestOf(content)).toBe(release?.imageId)
  })
})
