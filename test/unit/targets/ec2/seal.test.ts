import { afterAll, expect, test } from 'vitest'
import { Redacted } from '../../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import { createReadLogin } from '../../../../src/registry/login.ts'
import { createMaskOutput, createSealEnvelope } from '../../../../src/targets/ec2/seal.ts'
import { instanceAt } from '../../../support/deployments.ts'
import { orderOf } from '../../../support/ec2-ports.ts'
import { createKeyRing } from '../../../support/instance-key.ts'
import { failedSecret } from '../../../support/failed-secret.ts'
import { readLoginOf } from '../../../support/read-login.ts'

const release = (() => {
  const { release: found } = orderOf()
  if (found === null) throw new Error('the order brings a release')
  const settings = { ...found.settings, secrets: 'landfall/test/shop', registry: null }
  return { ...found, settings, secretVersion: 'version-1' }
})()

test('masks a host’s output again with the release’s secret', async () => {
  const value = new Redacted('{"TOKEN": "planted-4711"}')
  const mask = await createMaskOutput(() => Promise.resolve(succeed({ value, versionId: 'v' })))(
    release,
  )
  expect(mask('the token is planted-4711')).toBe('the token is [masked]')
})

test.each(['secret_missing', 'secret_unavailable'] as const)(
  'fails to mask a host’s output if the secret says %s',
  async (failure) => {
    const mask = createMaskOutput(() => Promise.resolve(failedSecret(failure)))(release)
    await expect(mask).rejects.toThrow('landfall/test/shop')
  },
)

const ring = createKeyRing()
afterAll(() => ring.remove())
const sound = ring.make(instanceAt(1))
const toCertificate = (index: number, der: Uint8Array) => ({
  instance: instanceAt(index),
  der: Buffer.from(der).toString('base64'),
  at: '2026-11-20T09:00:00.000Z',
})
const certificates = {
  sound: toCertificate(1, sound.certificate),
  unusable: toCertificate(2, ring.make(instanceAt(2), 'P-384').certificate),
  broken: toCertificate(3, sound.certificate.slice(0, 300)),
}
const noSecret = () => Promise.resolve(failedSecret('secret_missing'))
const seal = createSealEnvelope(noSecret, readLoginOf(noSecret))
const withoutSecret = { ...release, settings: { ...release.settings, secrets: null } }

test('seals for the others where the certificate of an instance cannot be used, and names that one', async () => {
  const { sound: one, unusable, broken } = certificates
  const sealed = await seal(withoutSecret, [unusable, one, broken])
  if (!sealed.ok) throw new Error(sealed.error.message)
  expect(sealed.value.unsealable).toEqual([instanceAt(2), instanceAt(3)])
  const opened = sound.open(Buffer.from(sealed.value.envelope ?? '', 'base64'))
  expect(opened).toContain(`landfall/1 ${withoutSecret.settings.name} 7`)
})

test('seals nothing where it can be sealed for no instance', async () => {
  const sealed = await seal(withoutSecret, [certificates.broken])
  expect(sealed).toEqual(succeed({ envelope: null, unsealable: [instanceAt(3)] }))
})

const atEcr = {
  ...withoutSecret,
  settings: {
    ...withoutSecret.settings,
    image: '123456789012.dkr.ecr.eu-west-3.amazonaws.com/acme/shop',
  },
}
/** As ECR makes them: JSON in base64. */
const tokenOf = (payload: string): string =>
  Buffer.from(JSON.stringify({ payload, datakey: 'AQ', version: '2' })).toString('base64')

test('seals a token of Amazon ECR that was made for this order, for its own host', async () => {
  let count = 0
  const readLogin = createReadLogin(noSecret, () => {
    count += 1
    return Promise.resolve(
      succeed({ username: 'AWS', password: new Redacted(tokenOf(`${count}`)) }),
    )
  })
  const sealNow = createSealEnvelope(noSecret, readLogin)
  for (const number of ['1', '2']) {
    const sealed = await sealNow(atEcr, [certificates.sound])
    if (!sealed.ok) throw new Error(sealed.error.message)
    const opened = sound.open(Buffer.from(sealed.value.envelope ?? '', 'base64'))
    expect(opened).toContain('registry 123456789012.dkr.ecr.eu-west-3.amazonaws.com\0')
    expect(opened).toContain(`username AWS\0password ${tokenOf(number)}\0`)
  }
})

test.each([
  ['registry_unavailable', Retryable],
  ['registry_unauthorized', null],
] as const)('waits for a token of Amazon ECR, or ends without one: %s', async (reason, thrown) => {
  const refusal = fail({ reason, message: 'no token' })
  const readLogin = createReadLogin(noSecret, () => Promise.resolve(refusal))
  const sealed = createSealEnvelope(noSecret, readLogin)(atEcr, [certificates.sound])
  if (thrown === null) expect(await sealed).toEqual(refusal)
  else await expect(sealed).rejects.toBeInstanceOf(thrown)
})

test('masks a token of Amazon ECR in a host’s output without having it, and what a refusal names', async () => {
  const mask = await createMaskOutput(noSecret)(atEcr)
  const login = Buffer.from(`AWS:${tokenOf('p')}`).toString('base64')
  const text = `denied: User: arn:aws:sts::123456789012:assumed-role/landfall/x is not authorized; ${tokenOf('p')} ${login}`
  expect(mask(text)).toBe('denied: User: [masked] is not authorized; [masked] [masked]')
  const cut = 'User: arn:aws ... 2:assumed-role/landfall/x on resource: 789012:repository/acme/shop'
  expect(mask(cut)).toBe('User: [masked] ... [masked] on resource: [masked]')
})

test(
  'masks what a hostile host writes for Amazon ECR in a time that grows with its length alone',
  { timeout: 10_000 },
  async () => {
    const mask = await createMaskOutput(noSecret)(atEcr)
    // Milliseconds; searched from each of its letters anew, each of these takes half a minute.
    for (const text of ['a', ':', 'a:rol'].map((part) => part.repeat(160_000 / part.length)))
      expect(mask(text)).toBe(text)
  },
)
