import { expect, test } from 'vitest'
import { Digest } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { listPlatforms } from '../../../src/registry/platforms.ts'

const digestOf = (letter: string): Digest => Digest.parse(`sha256:${letter.repeat(64)}`)

const list = (body: Uint8Array | null) =>
  listPlatforms({ readManifest: async () => succeed(body) }, 'acme/shop', digestOf('f'), null)
const encode = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body))

test('an index is known by the digests of its platforms too', async () => {
  const index = { manifests: [{ digest: digestOf('a') }, { digest: digestOf('b'), platform: {} }] }
  expect(await list(encode(index))).toEqual(succeed([digestOf('a'), digestOf('b')]))
})

test.each([
  ['a manifest', encode({ config: { digest: digestOf('a') }, layers: [] })],
  ['what is no JSON', new Uint8Array([1, 2])],
  ['what is too large', null],
])('%s is known by its own digest only', async (_, body) => {
  expect(await list(body)).toEqual(succeed([]))
})

test('a registry that does not answer says nothing', async () => {
  const failure = fail({ reason: 'registry_unavailable' as const, retryAfterSeconds: null })
  const readManifest = async () => failure
  expect(await listPlatforms({ readManifest }, 'acme/shop', digestOf('f'), null)).toBe(failure)
})
