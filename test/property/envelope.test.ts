import * as fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { AppName, Generation, InstanceId } from '../../src/kernel/id.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { isSealable, sealEnvelope, renderEnvelopePlaintext } from '../../src/secrets/envelope.ts'
import { assembleEnvironment } from '../../src/secrets/environment.ts'
import { envelopeCharacters, mostInWave, roomBeside } from '../../src/targets/ec2/room.ts'
import { createKeyRing } from '../support/instance-key.ts'
import { inFull } from '../support/size.ts'

const ring = createKeyRing()
afterAll(() => ring.remove())

const ids = Array.from({ length: 50 }, (_, index) =>
  InstanceId.parse(`i-${index.toString(16).padStart(17, '0')}`),
)
const fleet = ring.makeAll(ids)
const stranger = ring.make('i-0000000000000beef')
const certificates = fleet.map(({ certificate }) => certificate)

const name = fc.stringMatching(/^VALUE_[A-Za-z0-9_]{0,12}$/)
// Lone surrogates have no UTF-8; NUL is refused.
const value = fc
  .string({ unit: 'grapheme', maxLength: 200 })
  .map((text) => text.replaceAll('\0', '\n'))
const env = fc.dictionary(name, value, { maxKeys: 12 })

const render = (
  values: Record<string, string>,
  secret: Redacted | null = null,
  instances: readonly InstanceId[] = ids,
): Redacted => {
  const assembled = assembleEnvironment({ env: values, secret })
  if (!assembled.ok) throw new Error(assembled.error.message)
  return renderEnvelopePlaintext({
    app: AppName.parse('shop'),
    generation: Generation.parse(7),
    instances,
    environment: assembled.value,
    registry: null,
  })
}

test('each of 50 instances opens the envelope with its own key', async () => {
  const text = render({ KEY: 'line one\nline "two"' })
  const envelope = await sealEnvelope(text, certificates)
  expect(ring.openAll(envelope, ids)).toEqual(ids.map(() => text.reveal()))
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
    { numRuns: inFull(40, 15) },
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
    { numRuns: inFull(10, 5) },
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

/** A command's parameters: a usual app with a predeploy, a volume and two hosts. */
const room = roomBeside('x'.repeat(1200))

/** An env file of this size, all of it secret, as it is sealed. */
const renderFile = (bytes: number, count: number): Redacted => {
  const values = Array.from({ length: 32 }, (_, index) => [
    `VALUE_${index}`,
    `${index}-`.padEnd(bytes / 32 - `VALUE_${index}=\n`.length, 'y'),
  ])
  return render({}, new Redacted(JSON.stringify(Object.fromEntries(values))), ids.slice(0, count))
}

test.each([
  [8, 50],
  [24, 3],
])(
  'an env file of %i KiB, all of it secret, fits into a command for %i instances',
  async (kibibytes, count) => {
    const to = fleet.slice(0, count)
    const text = renderFile(kibibytes * 1024, count)
    const envelope = Buffer.from(await seal(text, to)).toString('base64')
    expect(envelope.length).toBeLessThanOrEqual(room)
  },
)

test('no envelope is larger than was reckoned, and by little smaller', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(40_000), fc.integer({ min: 1, max: 50 }), async (size, count) => {
      const values = { VALUE: 'x'.repeat(size) }
      const bytes = Buffer.byteLength(render(values, null, []).reveal())
      const text = render(values, null, ids.slice(0, count))
      const envelope = Buffer.from(await seal(text, fleet.slice(0, count))).toString('base64')
      const reckoned = envelopeCharacters(bytes, count)
      expect(envelope.length).toBeLessThanOrEqual(reckoned)
      expect(envelope.length).toBeGreaterThan(reckoned - 128 - count * 8)
    }),
    { numRuns: inFull(60, 15) },
  )
})

test('the largest wave fits, and one more would not', () => {
  fc.assert(
    fc.property(fc.nat(40_000), fc.nat(40_000), (bytes, space) => {
      const count = mostInWave(bytes, space)
      if (count > 0) expect(envelopeCharacters(bytes, count)).toBeLessThanOrEqual(space)
      expect(envelopeCharacters(bytes, count + 1)).toBeGreaterThan(space - 4)
    }),
  )
})

const toText = (certificate: Uint8Array): string => Buffer.from(certificate).toString('base64')

test('an instance of the longest id has a certificate that can be sealed for', async () => {
  const { certificate } = ring.make(`mi-${'f'.repeat(17)}`)
  expect(await isSealable(toText(certificate), InstanceId.parse(`mi-${'f'.repeat(17)}`))).toBe(true)
})

test('no certificate in the name of another instance is sealed for, which could not open the envelope', async () => {
  const [victim] = fleet
  const [own, other] = ids
  if (victim === undefined || own === undefined || other === undefined) throw new Error('no fleet')
  const certificate = toText(victim.certificate)
  expect(await isSealable(certificate, own)).toBe(true)
  expect(await isSealable(certificate, other)).toBe(false)
})

/*
 * The signature of a certificate is not checked, so that an instance may write anything into it. One altered byte
 * reaches each field of it, and what pkijs and OpenSSL make of that.
 */
test('whatever certificate is recorded, the others of the wave open the envelope', async () => {
  const [honest, liar] = [fleet[0], fleet[1]]
  if (honest === undefined || liar === undefined) throw new Error('no fleet')
  const text = render({ KEY: 'value' })
  const counts = { recorded: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.nat(liar.certificate.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const altered = Uint8Array.from(liar.certificate)
        altered[at] = (altered[at] ?? 0) ^ change
        const isRecorded = await isSealable(toText(altered), ids[1] ?? InstanceId.parse('i-0'))
        counts[isRecorded ? 'recorded' : 'refused'] += 1
        if (!isRecorded) return
        const envelope = await sealEnvelope(text, [altered, honest.certificate])
        expect(honest.open(envelope)).toBe(text.reveal())
        expect(envelope.length * (4 / 3)).toBeLessThanOrEqual(envelopeCharacters(1024, 2))
      },
    ),
    { numRuns: inFull(2000, 80) },
  )
  expect(counts.recorded).toBeGreaterThan(0)
  expect(counts.refused).toBeGreaterThan(0)
})
