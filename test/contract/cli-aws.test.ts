import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAws, type Aws } from '../../cli/aws.ts'
import { startTestAws, writeFunction, type TestAws } from '../support/local-aws.ts'

const name = 'landfall/local/shop'
let local: TestAws
let aws: Aws

/** As a shell has them; the command line takes no other way to credentials. */
const variables = ({ client }: TestAws) => ({
  AWS_ENDPOINT_URL: client.endpoint,
  AWS_ACCESS_KEY_ID: client.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: client.credentials.secretAccessKey,
})
const before = { ...process.env }

beforeAll(async () => {
  const source = 'export const handler = async (input) => ({ input })'
  local = await startTestAws({ service: { functions: [writeFunction('one', source)] } })
  Object.assign(process.env, variables(local))
  const origin = 'stage local, region eu-west-3'
  const context = { stage: 'local', region: 'eu-west-3', profile: undefined, origin }
  aws = createAws(context, () => Promise.reject(new Error('no code is asked for')))
  const order = { Name: name, SecretString: '{"KEY":"one"}' }
  await new SecretsManagerClient(local.client).send(new CreateSecretCommand(order))
})
afterAll(async () => {
  for (const key of Object.keys(variables(local))) {
    if (before[key] === undefined) Reflect.deleteProperty(process.env, key)
    else process.env[key] = before[key]
  }
  await local.stop()
})

describe('the command line at AWS', () => {
  it('calls a function, and says who it is', async () => {
    expect(await aws.invoke('landfall-local-one', '{"app":"shop"}')).toEqual({
      text: '{"input":{"app":"shop"}}',
      hasFailed: false,
    })
    expect(await aws.whoAmI()).toBe('administrator')
  })

  it('replaces a secret once for each version that was read: a change in between is not lost', async () => {
    const read = await aws.readSecret(name)
    expect(read.text).toBe('{"KEY":"one"}')
    expect(await aws.replaceSecret(name, '{"KEY":"two"}', read.version)).toBe(true)
    expect(await aws.replaceSecret(name, '{"KEY":"lost"}', read.version)).toBe(false)
    const after = await aws.readSecret(name)
    expect(after.text).toBe('{"KEY":"two"}')
    expect(await aws.replaceSecret(name, '{"KEY":"three"}', after.version)).toBe(true)
    expect((await aws.readSecret(name)).text).toBe('{"KEY":"three"}')
  })

  it('lets one of many changes through that were made of the same version', async () => {
    const { version } = await aws.readSecret(name)
    const values = ['a', 'b', 'c', 'd']
    const outcomes = await Promise.all(
      values.map((value) => aws.replaceSecret(name, JSON.stringify({ KEY: value }), version)),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    const winner = values[outcomes.indexOf(true)]
    expect((await aws.readSecret(name)).text).toBe(JSON.stringify({ KEY: winner }))
  })

  it.each([
    ['a secret', () => aws.readSecret('landfall/local/none'), 'landfall/local/none does not exist'],
    ['a function', () => aws.invoke('landfall-local-none', '{}'), 'is it another stage or region?'],
  ])('names %s that is not there', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message)
  })
})
