import { expect, test } from 'vitest'
import { Digest } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { findImageSize, parseSize } from '../../../src/registry/size.ts'

const digestOf = (letter: string): Digest => Digest.parse(`sha256:${letter.repeat(64)}`)
const encode = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body))

const manifest = encode({ config: { size: 100 }, layers: [{ size: 2_000 }, { size: 30_000 }] })
const index = encode({
  manifests: [
    { digest: digestOf('a'), platform: { os: 'linux', architecture: 'amd64' } },
    { digest: digestOf('b'), platform: { os: 'linux', architecture: 'arm64' } },
    { digest: digestOf('c'), platform: { os: 'unknown', architecture: 'unknown' } },
  ],
})

test.each([
  ['a manifest is as large as its layers', manifest, 'x86_64', { kind: 'known', bytes: 32_100 }],
  ['an index leads on', index, 'x86_64', { kind: 'elsewhere', digest: digestOf('a') }],
  ['to the machine’s own', index, 'aarch64', { kind: 'elsewhere', digest: digestOf('b') }],
  [
    'to the first where the machine is not known',
    index,
    null,
    { kind: 'elsewhere', digest: digestOf('a') },
  ],
  ['or is not built for it', encode({ manifests: [] }), 'aarch64', { kind: 'no_platform' }],
  ['a rare machine is not judged', index, 'riscv64', { kind: 'unknown' }],
  ['nor is what is no manifest', encode({ fsLayers: [] }), 'x86_64', { kind: 'unknown' }],
  ['nor what is no JSON', new Uint8Array([1, 2]), 'x86_64', { kind: 'unknown' }],
])('%s', (_, body, machine, size) => {
  expect(parseSize(body, machine)).toEqual(size)
})

/** A registry with these manifests under their digests. */
const registryOf = (manifests: Readonly<Record<string, Uint8Array>>) => {
  const asked: string[] = []
  const readManifest = async (image: string, reference: string) => {
    asked.push(`${image}@${reference}`)
    const body = manifests[reference]
    return body === undefined
      ? fail({ reason: 'image_missing' as const, retryAfterSeconds: null })
      : succeed(body)
  }
  const find = (digest: Digest) =>
    findImageSize({ readManifest }, 'acme/shop', digest, 'aarch64', null)
  return { find, asked }
}

test('asks for two manifests at most', async () => {
  const one = registryOf({ [digestOf('f')]: index, [digestOf('b')]: manifest })
  expect(await one.find(digestOf('f'))).toEqual({ kind: 'known', bytes: 32_100 })
  expect(one.asked).toEqual([`acme/shop@${digestOf('f')}`, `acme/shop@${digestOf('b')}`])
  const deep = registryOf({ [digestOf('f')]: index, [digestOf('b')]: index })
  expect(await deep.find(digestOf('f'))).toEqual({ kind: 'unknown' })
  expect(deep.asked).toHaveLength(2)
})

test('what the registry does not tell is unknown', async () => {
  expect(await registryOf({}).find(digestOf('f'))).toEqual({ kind: 'unknown' })
})
