import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCarriedConfiguration } from '../../src/carry/configuration.ts'
import { parseImageOrIndex, renderSchema2, type Image } from '../../src/carry/manifest.ts'
import { checkSize, planCarry } from '../../src/carry/plan.ts'
import { BlobAltered, verifyChunks } from '../../src/carry/verify-chunks.ts'
import { CarryProgress } from '../../src/targets/carry.ts'
import {
  configurationOf,
  createCarryWorld,
  descriptorOf,
  digestOf,
  layers,
  manifestOf,
} from '../support/carry-world.ts'

const runs = { numRuns: 300 }

const platform = fc.record(
  {
    os: fc.constantFrom('linux', 'windows', 'unknown', '\u202elinux'),
    architecture: fc.constantFrom('amd64', 'arm64', 'unknown'),
    variant: fc.constantFrom('v1', 'v2', 'v3', null),
  },
  { requiredKeys: ['os', 'architecture'] },
)
const digest = fc.oneof(
  fc.constantFrom(...layers.map((bytes) => digestOf(bytes)), digestOf(configurationOf())),
  fc.constantFrom(digestOf('a'), digestOf('b'), 'sha256:', 'sha512:00', 'latest', '../../etc'),
)
const size = fc.oneof(fc.nat(50_000), fc.constantFrom(-1, 1.5, 2 ** 53, 1e300, 999_999_999_999))
const type = fc.constantFrom(
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.in-toto+json',
)
const descriptor = fc.record(
  {
    mediaType: type,
    digest,
    size,
    urls: fc.array(fc.webUrl()),
    annotations: fc.dictionary(fc.string(), fc.string()),
  },
  { requiredKeys: ['digest', 'size'] },
)
const entry = fc.record(
  {
    mediaType: type,
    digest,
    size,
    platform,
    annotations: fc.constantFrom({}, { 'vnd.docker.reference.type': 'attestation-manifest' }),
  },
  { requiredKeys: ['digest', 'size'] },
)
const hostile = fc.oneof(
  fc.record({ schemaVersion: fc.constantFrom(1, 2), manifests: fc.array(entry) }),
  fc.record({
    schemaVersion: fc.constantFrom(1, 2, 2, 2),
    config: fc.oneof(
      descriptor,
      fc.constant(descriptorOf('application/vnd.oci.image.config.v1+json', configurationOf())),
    ),
    layers: fc.array(descriptor, { maxLength: 140 }),
  }),
  fc.record({
    schemaVersion: fc.constant(2),
    manifests: fc.array(entry),
    config: descriptor,
    layers: fc.array(descriptor),
  }),
  fc.json().map((text): unknown => JSON.parse(text)),
)

test('a manifest is read as an image or an index, or refused with a reason', () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const parsed = parseImageOrIndex(Buffer.from(JSON.stringify(value)))
      if (!parsed.ok) {
        expect(['image_invalid', 'platform_missing', 'layers_unsupported']).toContain(
          parsed.error.reason,
        )
        expect(parsed.error.why).toMatch(/^[\x20-\x7e]{1,300}$/)
        return
      }
      if (parsed.value.kind === 'index') return
      const { image } = parsed.value
      // What was read is what is written, and nothing of the input beside it.
      expect(parseImageOrIndex(Buffer.from(renderSchema2(image)))).toEqual(parsed)
      const checked = checkSize(image, 1_000_000)
      if (checked.ok) expect(checked.value).toBeLessThanOrEqual(1_000_000)
    }),
    runs,
  )
})

test('bytes that are no JSON, or too deep, are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(parseImageOrIndex(bytes).ok).toBe(false)
    }),
    runs,
  )
  const deep = '['.repeat(500_000) + ']'.repeat(500_000)
  expect(parseImageOrIndex(Buffer.from(deep)).ok).toBe(false)
  expect(parseImageOrIndex(Buffer.from(`{"manifests":${deep}}`)).ok).toBe(false)
})

test('a plan sends each blob once and has as many bytes as its manifest says', () => {
  const blobs = fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 12 })
  const order = createCarryWorld().orderOf(digestOf('x'), { release: ['migrate', 'x'] })
  fc.assert(
    fc.property(blobs, fc.array(fc.nat(11), { maxLength: 30 }), (kinds, picks) => {
      const chosen = picks.map((pick) => `layer ${kinds[pick % kinds.length]}`)
      const configuration = configurationOf({
        rootfs: { type: 'layers', diff_ids: chosen.map(digestOf) },
      })
      const mediaType = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
      const image: Image = {
        config: { digest: digestOf(configuration), size: configuration.length },
        layers: chosen.map((text) => ({ mediaType, digest: digestOf(text), size: text.length })),
      }
      expect(parseCarriedConfiguration(Buffer.from(configuration), image).ok).toBe(true)
      const planned = planCarry(order, image, Buffer.from(configuration))
      if (!planned.ok) throw new Error(planned.error.why)
      for (const { pieces, manifest, imageId } of planned.value) {
        const digests = pieces.map((piece) => piece.digest)
        expect(new Set(digests).size).toBe(digests.length)
        expect(digests).toHaveLength(new Set(chosen).size + 1)
        expect(digests.at(-1)).toBe(imageId)
        expect(JSON.parse(manifest)).toMatchObject({ config: { digest: imageId } })
        for (const { content, digest: own, size: bytes } of pieces)
          if (content !== null) expect([digestOf(content), content.length]).toEqual([own, bytes])
      }
    }),
    runs,
  )
})

test('a blob passes whole where it is right, and never whole where it is not', async () => {
  const split = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
    const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
      (a, b) => a - b,
    )
    return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
  }
  async function* toChunks(parts: readonly Uint8Array[]) {
    for (const part of parts) yield await Promise.resolve(part)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.nat(300), { maxLength: 5 }),
      async (wanted, sent, cuts) => {
        const passed: Uint8Array[] = []
        const blob = { digest: digestOf(wanted), size: wanted.length }
        const read = async () => {
          for await (const chunk of verifyChunks(toChunks(split(sent, cuts)), blob))
            passed.push(chunk)
        }
        if (Buffer.compare(wanted, sent) === 0) {
          await read()
          expect(Buffer.concat(passed)).toEqual(Buffer.from(wanted))
          return
        }
        await expect(read()).rejects.toThrow(BlobAltered)
        const bytes = Buffer.concat(passed).length
        expect(bytes === 0 || bytes < wanted.length).toBe(true)
      },
    ),
    runs,
  )
})

test('whatever a registry has under a digest, a run ends with a reason, and nothing wrong gets to Heroku', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(hostile, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(3), { maxLength: 4 }),
      async (values, links) => {
        const world = createCarryWorld()
        world.pushImage()
        // Later values may lead to earlier ones: indexes in indexes.
        let last = world.putSource('manifests', manifestOf(configurationOf()))
        const known = [last]
        for (const [index, value] of values.entries()) {
          const inner = known[(links[index] ?? 0) % known.length] ?? last
          const nested = {
            manifests: [
              {
                digest: inner,
                size: world.source.get(`manifests/${inner}`)?.length,
                platform: { os: 'linux', architecture: 'amd64' },
              },
            ],
          }
          last = world.putSource('manifests', JSON.stringify(index % 2 === 1 ? nested : value))
          known.push(last)
        }
        const progress = CarryProgress.parse(await world.carry(world.orderOf(last)))
        expect(['carried', 'refused']).toContain(progress.status)
        for (const [key, bytes] of world.target) {
          const [, own] = /\/blobs\/(.*)$/.exec(key) ?? []
          if (own !== undefined) expect(digestOf(bytes)).toBe(own)
        }
        expect(world.target.has('acme-shop/web/manifests/latest')).toBe(
          progress.status === 'carried',
        )
      },
    ),
    { numRuns: 60 },
  )
})
