import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestAws, waitUntil, type TestAws } from '../support/local-aws.ts'

const name = 'landfall/local/github'

/** The running database renames and removes files of its own between the listing and the reading. */
const readIfThere = (path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

describe('the local Secrets Manager', () => {
  let test: TestAws
  let client: SecretsManagerClient

  beforeEach(async () => {
    test = await startTestAws()
    client = new SecretsManagerClient({ ...test.client, maxAttempts: 1 })
  })
  afterEach(() => test.stop())

  const create = (SecretString: string) =>
    client.send(new CreateSecretCommand({ Name: name, SecretString }))
  const put = (SecretString: string) =>
    client.send(new PutSecretValueCommand({ SecretId: name, SecretString }))
  const get = (query: { VersionId?: string; VersionStage?: string } = {}) =>
    client.send(new GetSecretValueCommand({ SecretId: name, ...query }))

  it('reads the current value by name and by ARN', async () => {
    const { ARN } = await create('first')
    expect(ARN).toMatch(
      /^arn:aws:secretsmanager:eu-west-3:000000000000:secret:landfall\/local\/github-\w{6}$/,
    )
    const byArn = await client.send(new GetSecretValueCommand({ SecretId: ARN }))
    expect(byArn).toMatchObject({ SecretString: 'first', VersionStages: ['AWSCURRENT'] })
  })

  it('moves AWSCURRENT to a new value and leaves AWSPREVIOUS behind', async () => {
    const first = await create('first')
    const second = await put('second')
    const third = await put('third')
    expect((await get()).SecretString).toBe('third')
    const previous = await get({ VersionStage: 'AWSPREVIOUS' })
    expect(previous).toMatchObject({ SecretString: 'second', VersionId: second.VersionId })
    expect(await get({ VersionId: first.VersionId ?? '' })).toMatchObject({ SecretString: 'first' })
    const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: name }))
    expect(VersionIdsToStages).toEqual({
      [second.VersionId ?? '']: ['AWSPREVIOUS'],
      [third.VersionId ?? '']: ['AWSCURRENT'],
    })
  })

  it('dates each version by its own creation', async () => {
    await create('first')
    const before = (await get()).CreatedDate
    await waitUntil(() => Date.now() > (before?.getTime() ?? 0), 'the clock has moved on')
    await put('second')
    expect((await get({ VersionStage: 'AWSPREVIOUS' })).CreatedDate).toEqual(before)
    expect((await get()).CreatedDate?.getTime()).toBeGreaterThan(before?.getTime() ?? Infinity)
  })

  it('takes a label away and gives it back', async () => {
    await create('first')
    const second = await put('second')
    const previous = await get({ VersionStage: 'AWSPREVIOUS' })
    const RemoveFromVersionId = previous.VersionId
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: name,
        VersionStage: 'AWSPREVIOUS',
        RemoveFromVersionId,
      }),
    )
    await expect(get({ VersionStage: 'AWSPREVIOUS' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: name,
        VersionStage: 'AWSCURRENT',
        RemoveFromVersionId: second.VersionId,
        MoveToVersionId: RemoveFromVersionId,
      }),
    )
    expect((await get()).SecretString).toBe('first')
    expect((await get({ VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('second')
  })

  it('is idempotent by token, and refuses another value under it', async () => {
    await create('first')
    const ClientRequestToken = '11111111-1111-4111-8111-111111111111'
    const order = { SecretId: name, SecretString: 'second', ClientRequestToken }
    await client.send(new PutSecretValueCommand(order))
    expect((await client.send(new PutSecretValueCommand(order))).VersionId).toBe(ClientRequestToken)
    const other = new PutSecretValueCommand({ ...order, SecretString: 'other' })
    await expect(client.send(other)).rejects.toMatchObject({ name: 'ResourceExistsException' })
  })

  it('lists, updates and deletes', async () => {
    await create('first')
    await client.send(new UpdateSecretCommand({ SecretId: name, SecretString: 'updated' }))
    expect((await get()).SecretString).toBe('updated')
    const { SecretList = [] } = await client.send(new ListSecretsCommand({}))
    expect(SecretList.map(({ Name }) => Name)).toEqual([name])
    await client.send(new DeleteSecretCommand({ SecretId: name }))
    await expect(get()).rejects.toMatchObject({ name: 'InvalidRequestException' })
  })

  it('says that a secret is missing, or exists already', async () => {
    await expect(get()).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await create('first')
    await expect(create('again')).rejects.toMatchObject({ name: 'ResourceExistsException' })
  })

  it('keeps values over a restart, and in no file readably', async () => {
    await create('planted-value-4711')
    test = await test.restart()
    client = new SecretsManagerClient({ ...test.client, maxAttempts: 1 })
    expect((await get()).SecretString).toBe('planted-value-4711')
    const files = readdirSync(test.directory, { recursive: true, withFileTypes: true })
    expect(files.filter((file) => file.isFile()).length).toBeGreaterThan(1)
    for (const file of files)
      if (file.isFile())
        expect(readIfThere(join(file.parentPath, file.name)).includes('planted-value')).toBe(false)
  })
})
