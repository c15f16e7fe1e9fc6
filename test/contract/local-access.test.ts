import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { DescribeInstanceInformationCommand, SSMClient } from '@aws-sdk/client-ssm'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { HttpRequest } from '@smithy/core/protocols'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestAws, writeFunction, type TestAws } from '../support/local-aws.ts'

let local: TestAws

beforeAll(async () => {
  const source = "export const handler = async () => { console.log('it ran') }"
  local = await startTestAws({ service: { functions: [writeFunction('one', source)] } })
})
afterAll(async () => {
  await local.stop()
})

const invoke = { FunctionName: 'landfall-local-one', Payload: '{}' }

/** A call of each service, each spoken to in a way of its own. */
const calls = {
  ssm: (client: TestAws['client']) =>
    new SSMClient({ ...client, maxAttempts: 1 }).send(new DescribeInstanceInformationCommand({})),
  dynamodb: (client: TestAws['client']) =>
    new DynamoDBClient({ ...client, maxAttempts: 1 }).send(new ListTablesCommand({})),
  monitoring: (client: TestAws['client']) =>
    new CloudWatchClient({ ...client, maxAttempts: 1 }).send(new DescribeAlarmsCommand({})),
  ec2: (client: TestAws['client']) =>
    new EC2Client({ ...client, maxAttempts: 1 }).send(new DescribeInstancesCommand({})),
  lambda: (client: TestAws['client']) =>
    new LambdaClient({ ...client, maxAttempts: 1 }).send(new InvokeCommand(invoke)),
}

describe('the AWS endpoint of the local stack', () => {
  it.each([
    ['ssm', 'UnrecognizedClientException', 400],
    ['dynamodb', 'UnrecognizedClientException', 400],
    ['monitoring', 'UnrecognizedClientException', 400],
    ['ec2', 'AuthFailure', 401],
    ['lambda', 'UnrecognizedClientException', 403],
  ] as const)('refuses a key of another run: %s', async (service, name, httpStatusCode) => {
    const other = await startTestAws()
    await other.stop()
    const { credentials } = other.client
    await expect(calls[service]({ ...local.client, credentials })).rejects.toMatchObject({
      name,
      $metadata: { httpStatusCode },
    })
    expect(local.logs).toEqual([])
  })

  it.each([
    ['ssm', 'InvalidSignatureException'],
    ['dynamodb', 'InvalidSignatureException'],
    ['monitoring', 'InvalidSignatureException'],
    ['ec2', 'AuthFailure'],
    ['lambda', 'InvalidSignatureException'],
  ] as const)('refuses who knows the key id and not the secret: %s', async (service, name) => {
    const { accessKeyId } = local.client.credentials
    const credentials = { accessKeyId, secretAccessKey: 'a'.repeat(40) }
    await expect(calls[service]({ ...local.client, credentials })).rejects.toMatchObject({ name })
    expect(local.logs).toEqual([])
  })

  it('names the caller as the key has it', async () => {
    const ask = (client: TestAws['client']) =>
      new STSClient(client).send(new GetCallerIdentityCommand({}))
    expect(await ask(local.client)).toMatchObject({
      Account: '000000000000',
      Arn: 'arn:aws:iam::000000000000:user/administrator',
    })
  })

  it('refuses a signed request whose body is another', async () => {
    const client = new SSMClient({ ...local.client, maxAttempts: 1 })
    client.middlewareStack.add(
      (next) => (args) => {
        if (HttpRequest.isInstance(args.request)) args.request.body = '[]'
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    await expect(client.send(new DescribeInstanceInformationCommand({}))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    })
  })

  it.each(['ssm', 'dynamodb', 'monitoring', 'ec2', 'lambda'] as const)(
    'serves who signs with the key of this run: %s',
    async (service) => {
      await expect(calls[service](local.client)).resolves.toMatchObject({
        $metadata: { httpStatusCode: 200 },
      })
    },
  )

  it('reads arguments of a path and a query as they were signed', async () => {
    const lambda = new LambdaClient(local.client)
    const FunctionName = 'arn:aws:lambda:eu-west-3:000000000000:function:landfall-local-one'
    const order = new InvokeCommand({ ...invoke, FunctionName, Qualifier: '$LATEST' })
    await expect(lambda.send(order)).resolves.toMatchObject({ StatusCode: 200 })
  })

  it('makes a key of its own at each start, of the form of an AWS key', async () => {
    const other = await startTestAws()
    await other.stop()
    for (const { accessKeyId, secretAccessKey } of [local, other].map(
      ({ client }) => client.credentials,
    )) {
      expect(accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/)
      expect(secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/)
    }
    expect(other.client.credentials.accessKeyId).not.toBe(local.client.credentials.accessKeyId)
  })
})
