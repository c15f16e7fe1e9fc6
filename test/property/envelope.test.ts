import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { AppName, Generation, InstanceId } from '../../src/kernel/id.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { isSealable, sealEnvelope } from '../../src/secrets/envelope.ts'
import { assembleEnvironment } from '../../src/secrets/environment.ts'
import { renderEnvelopePlaintext } from '../../src/secrets/plaintext.ts'
import { createKeyRing } from '../support/instance-key.ts'

const ring = createKeyRing()
afterAll(() => ring.remove())

const ids = Array.from({ length: 50 }, (_, index) =>
  InstanceId.parse(`i-${index.toString(16).padStart(17, '0')}`),
)
const fleet = ids.map((id) => ring.make(id))
const stranger = ring.make('i-0000000000000beef')
const certificates = fleet.map(({ certificate }) => certificate)

const name = fc.stringMatching(/^VALUE_[A-Za-z0-9_]{0,12}$/)
// Lone surrogates have no UTF-8; NUL is refused.
const value = fc
  .string({ unit: 'grapheme', maxLength: 200 })
  .map((text) => text.replaceAll('\0', '\n'))
const env = fc.dictionary(name, value, { maxKeys: 12 })

const render = (values: Record<string, string>, secret: Redacted | null = null): Redacted => {
  const assembled = assembleEnvironment({ env: values, secret })
  if (!assembled.ok) throw new Error(assembled.error.message)
  return renderEnvelopePlaintext({
    app: AppName.parse('shop'),
    generation: Generation.parse(7),
    instances: ids,
    environment: assembled.value,
    registry: null,
  })
}

test('each of 50 instances opens the envelope with its own key', async () => {
  const text = render({ KEY: 'line one\nline "two"' })
  const envelope = await sealEnvelope(text, certificates)
  for (const instance of fleet) expect(instance.open(envelope)).toBe(text.reveal())
})

const seal = (text: Redacted, to: readonly (typeof fleet)[number][]): Promise<Uint8Array> =>
  sealEnvelope(
    text,
    to.map(({ certificate }) => certificate),
  )

// Each opening is a process of openssl: what does not depend on the values is not tried with each.
test('any environment arrives as it was', async () => {
  await fc.assert(
    fc.asyncProperty(
      env,
      fc.subarray(fleet, { minLength: 1, maxLength: 2 }),
      async (values, to) => {
        const text = render(values)
        const envelope = await seal(text, to)
        for (const instance of to) expect(instance.open(envelope)).toBe(text.reveal())
      },
    ),
    { numRuns: 40 },
  )
})

test('nobody opens an envelope that was not sealed for them', async () => {
  await fc.assert(
    fc.asyncProperty(
      env,
      fc.subarray(fleet, { minLength: 1, maxLength: 4 }),
      async (values, to) => {
        const envelope = await seal(render(values), to)
        expect(stranger.open(envelope)).toBeNull()
        const left = fleet.find((instance) => !to.includes(instance))
        expect(left?.open(envelope)).toBeNull()
      },
    ),
    { numRuns: 10 },
  )
})

test('a reader that splits at NUL finds each value as it was given', () => {
  fc.assert(
    fc.property(env, (values) => {
      const entries = render(values).reveal().replace(/^.*\n/, '').split('\0')
      expect(entries.pop()).toBe('')
      expect(entries).toEqual(Object.entries(values).map(([key, text]) => `env ${key}=${text}`))
    }),
  )
})

test('an envelope does not show what it holds', async () => {
  const secret = new Redacted(JSON.stringify({ PASSWORD: 'correct horse battery' }))
  const envelope = await sealEnvelope(render({}, secret), certificates.slice(0, 2))
  expect(Buffer.from(envelope).includes('correct horse')).toBe(false)
})

test('an envelope of 8 KiB for 50 instances takes less than 31 KB of a command in base64', async () => {
  const envelope = await sealEnvelope(new Redacted('x'.repeat(8192)), certificates)
  expect(Buffer.from(envelope).toString('base64').length).toBeLessThan(31_000)
})

test('only a certificate on P-256 can be sealed for', () => {
  expect(isSealable(stranger.certificate)).toBe(true)
  expect(isSealable(ring.make('i-0000000000000cafe', 'P-384').certificate)).toBe(false)
  expect(isSealable(new TextEncoder().encode('not a certificate'))).toBe(false)
  expect(isSealable(new Uint8Array())).toBe(false)
})
