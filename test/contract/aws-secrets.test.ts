import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHookSecrets, createSecretReader } from '../../src/aws/secrets-manager.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { SecretFailure } from '../../src/secrets/app-secret.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'

let aws: TestAws
let client: SecretsManagerClient

beforeEach(async () => {
  aws = await startTestAws()
  client = new SecretsManagerClient({ ...aws.client, maxAttempts: 1 })
})
afterEach(() => aws.stop())

const create = (Name: string, content: { SecretString?: string; SecretBinary?: Uint8Array }) =>
  client.send(new CreateSecretCommand({ Name, ...content }))

const put = async (SecretId: string, SecretString: string): Promise<string> => {
  const { VersionId = '' } = await client.send(
    new PutSecretValueCommand({ SecretId, SecretString }),
  )
  return VersionId
}

const read = async (name: string, version: string | null = null) => {
  const secret = await createSecretReader(() => client)(name, version)
  return secret.ok ? secret.value.value.reveal() : secret.error.reason
}

const findFailure = async (name: string): Promise<SecretFailure | null> => {
  const secret = await createSecretReader(() => client)(name, null)
  return secret.ok ? null : secret.error
}

test('reads the current version of a secret, or the one that a release recorded', async () => {
  const { VersionId = '' } = await create('shop', { SecretString: 'one' })
  const newer = await put('shop', 'two')
  expect(await read('shop')).toBe('two')
  expect(await read('shop', VersionId)).toBe('one')
  expect(await read('shop', newer)).toBe('two')
})

test('reads a secret of bytes as text', async () => {
  await create('shop', { SecretBinary: new TextEncoder().encode('{"KEY": "ü"}') })
  expect(await read('shop')).toBe('{"KEY": "ü"}')
})

test('reads a secret’s version and when it was created', async () => {
  const before = Math.floor(Date.now() / 1000) * 1000
  const { VersionId } = await create('shop', { SecretString: 'one' })
  const secret = await createSecretReader(() => client)('shop', null)
  expect(secret).toMatchObject({ ok: true, value: { versionId: VersionId } })
  const createdAt = secret.ok ? Date.parse(secret.value.createdAt) : 0
  expect(createdAt).toBeGreaterThanOrEqual(before)
  expect(createdAt).toBeLessThanOrEqual(Date.now())
})

test('reports a secret or version that does not exist, or is about to be deleted, as missing', async () => {
  await create('shop', { SecretString: 'one' })
  expect(await read('other')).toBe('secret_missing')
  expect(await read('shop', '00000000-0000-4000-8000-000000000000')).toBe('secret_missing')
  await client.send(new DeleteSecretCommand({ SecretId: 'shop' }))
  expect(await read('shop')).toBe('secret_missing')
})

const refuse = (code: string, message: string, statusCode = 400) => {
  aws.faults.onCall = () => ({ kind: 'refuse', code, message, statusCode })
}

test.each([
  ['AccessDeniedException', 'not authorized', 'secret_refused', /create it, or deploy Landfall/],
  ['AccessDeniedException', 'Access to KMS is not allowed', 'secret_refused', /kms:Decrypt/],
  ['DecryptionFailure', 'no', 'secret_refused', /aws kms describe-key/],
  ['InvalidRequestException', 'no', 'secret_missing', /restore-secret --secret-id shop/],
  ['ResourceNotFoundException', 'no', 'secret_missing', /create-secret --name shop/],
  ['InvalidParameterException', 'no', 'secret_refused', /was refused/],
])('reports the answer %s (%s) of AWS as %s, and says what to do', async (...row) => {
  const [code, said, reason, advice] = row
  await create('shop', { SecretString: 'one' })
  refuse(code, said)
  const failure = await findFailure('shop')
  expect(failure).toMatchObject({ reason })
  expect(failure?.message).toMatch(advice)
  expect(failure?.message).toContain(`(${code})`)
})

test.each(['InternalServiceError', 'ThrottlingException', 'ExpiredTokenException'])(
  'reports the answer %s of Secrets Manager as temporary',
  async (code) => {
    await create('shop', { SecretString: 'one' })
    refuse(code, 'no', code === 'InternalServiceError' ? 500 : 400)
    expect(await findFailure('shop')).toEqual({
      reason: 'secret_unavailable',
      message: `the secret shop could not be read now (${code})`,
    })
  },
)

const lines: string[] = []
const log = createLog({}, (line) => lines.push(line))

test('reads a webhook secret with the previous one after a rotation', async () => {
  const sources = { github: { secret: 'github' }, circleci: { secret: 'gone' }, 'docker-hub': null }
  const secrets = createHookSecrets(sources, log, systemClock, () => client)
  await create('github', { SecretString: 'the-first-value-1\n' })
  const before = await secrets.load('github')
  expect(before.ok && before.value.previous).toBeNull()
  expect(before.ok && before.value.current.reveal()).toBe('the-first-value-1')
  await put('github', 'the-second-value-2')
  const rotated = createHookSecrets(sources, log, systemClock, () => client)
  const after = await rotated.load('github')
  expect(after.ok && after.value.current.reveal()).toBe('the-second-value-2')
  expect(after.ok && after.value.previous?.reveal()).toBe('the-first-value-1')
  expect(await secrets.load('circleci')).toEqual({ ok: false, error: 'secret_unavailable' })
  expect(await secrets.load('docker-hub')).toEqual({ ok: false, error: 'secret_unavailable' })
  const line = { level: 'error', message: 'failed to read webhook secret' }
  const why: unknown = expect.stringContaining('aws secretsmanager create-secret --name gone')
  expect(lines.map((one): unknown => JSON.parse(one))).toEqual([
    { ...line, source: 'circleci', secret: 'gone', why },
  ])
})
