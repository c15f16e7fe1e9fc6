import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch'
import {
  CreateTableCommand,
  DynamoDBClient,
  TransactWriteItemsCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  GetSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import {
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  SendCommandCommand,
  SSMClient,
} from '@aws-sdk/client-ssm'
import { BatchGetCommand, DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  roleOf,
  startTestAws,
  toDocument,
  waitUntil,
  writeFunction,
  type TestAws,
} from '../support/local-aws.ts'

// What the emulator does differently from AWS. local/aws/README.md lists these titles, each with what AWS does.

const TableName = 'differences'
let test: TestAws
let settings: TestAws['client'] & { readonly maxAttempts: number }
let table: DynamoDBDocumentClient

beforeAll(async () => {
  test = await startTestAws({
    instances: 3,
    service: {
      documents: [{ name: 'landfall-local-x', text: toDocument('true') }],
      functions: [
        writeFunction('one', 'export const handler = async () => 1'),
        writeFunction('reader', 'export const handler = async () => 1', {
          role: roleOf({
            Action: 'secretsmanager:GetSecretValue',
            Resource: 'arn:aws:secretsmanager:*:*:secret:nowhere-??????',
          }),
        }),
      ],
    },
  })
  settings = { ...test.client, maxAttempts: 1 }
  const client = new DynamoDBClient(settings)
  table = DynamoDBDocumentClient.from(client)
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'open'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'open',
          KeySchema: [{ AttributeName: 'open', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'KEYS_ONLY' },
        },
      ],
    }),
  )
  await waitUntilTableExists(
    { client, maxWaitTime: 30, minDelay: 0.01, maxDelay: 0.1 },
    { TableName },
  )
})
afterAll(() => test.stop())

const put = (item: Record<string, unknown>, more: object = {}) =>
  table.send(new PutCommand({ TableName, Item: { pk: 'a', ...item }, ...more }))
const unknown = { name: 'UnknownOperationException' }

describe('the local DynamoDB', () => {
  it('has no transactions', async () => {
    const Put = { TableName, Item: { pk: { S: 'a' } } }
    const order = new TransactWriteItemsCommand({ TransactItems: [{ Put }] })
    await expect(table.send(order)).rejects.toMatchObject(unknown)
  })

  it('has no TTL operations', async () => {
    const TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: true }
    const order = new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })
    await expect(table.send(order)).rejects.toMatchObject(unknown)
  })

  it('returns no item with a failed condition', async () => {
    await put({ pk: 'there' })
    const order = put(
      { pk: 'there' },
      {
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    )
    await expect(order).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: undefined,
    })
  })

  it('takes an empty text as the key of an index', async () => {
    await put({ open: '' })
  })

  it('takes a map with an empty key', async () => {
    await put({ env: { '': 'x' } })
  })

  it('takes items that are nested deeper than 32 levels', async () => {
    const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ inner }), 'x')
    await put({ deep })
  })

  it('takes expressions of more than 4,096 bytes', async () => {
    const ConditionExpression = Array.from({ length: 300 }, () => 'attribute_not_exists(a)').join(
      ' AND ',
    )
    await put({}, { ConditionExpression })
  })

  it('cuts the answer of BatchGetItem at 1 MB, not at 16 MB', async () => {
    const keys = Array.from({ length: 4 }, (_, index) => ({ pk: `large-${index}` }))
    for (const key of keys) await put({ ...key, text: 'x'.repeat(380_000) })
    const { UnprocessedKeys } = await table.send(
      new BatchGetCommand({ RequestItems: { [TableName]: { Keys: keys } } }),
    )
    expect(UnprocessedKeys?.[TableName]?.Keys?.length).toBeGreaterThan(0)
  })
})

describe('the local EventBridge', () => {
  const entry = { Source: 'aws.ssm', DetailType: 'd', Detail: '{}' }
  const send = (...Entries: object[]) =>
    new EventBridgeClient(settings).send(new PutEventsCommand({ Entries }))

  it('takes events of the sources that only AWS may use', async () => {
    expect((await send(entry)).FailedEntryCount).toBe(0)
  })

  it('takes events of more than 1 MB', async () => {
    const Detail = JSON.stringify({ text: 'x'.repeat(1_100_000) })
    expect((await send({ ...entry, Detail })).FailedEntryCount).toBe(0)
  })

  it('refuses all events of a call for one that lacks its source', async () => {
    const { Source: _, ...lacking } = entry
    await expect(send(entry, lacking)).rejects.toMatchObject({ name: 'ValidationException' })
  })
})

describe('the local CloudWatch', () => {
  it('evaluates no metric and no rule: only SetAlarmState changes a state', async () => {
    const cloudwatch = new CloudWatchClient(settings)
    const metric = { Namespace: 'n', MetricName: 'm', Statistic: 'Sum', Period: 60 } as const
    const AlarmName = 'errors'
    await cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName,
        ...metric,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
      }),
    )
    const AlarmRule = 'ALARM("errors")'
    await cloudwatch.send(new PutCompositeAlarmCommand({ AlarmName: 'all', AlarmRule }))
    const state = { AlarmName, StateValue: 'ALARM', StateReason: 'test' } as const
    await cloudwatch.send(new SetAlarmStateCommand(state))
    const { CompositeAlarms } = await cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmTypes: ['CompositeAlarm'] }),
    )
    expect(CompositeAlarms?.[0]?.StateValue).toBe('INSUFFICIENT_DATA')
  })
})

describe('the local SSM', () => {
  it('tells at once of a script that its agent has lost', async () => {
    const documents = [{ name: 'landfall-local-x', text: toDocument('sleep 300') }]
    const first = await startTestAws({ service: { documents } })
    const order = { DocumentName: 'landfall-local-x', InstanceIds: ['i-00000001'] }
    const { Command } = await new SSMClient(first.client).send(new SendCommandCommand(order))
    const query = { CommandId: Command?.CommandId, InstanceId: 'i-00000001' }
    const read = async ({ client }: TestAws) =>
      (await new SSMClient(client).send(new GetCommandInvocationCommand(query))).Status
    await waitUntil(async () => (await read(first)) === 'InProgress', 'the script runs')
    const second = await first.restart()
    const before = Date.now()
    await waitUntil(async () => (await read(second)) === 'Failed', 'its loss is told')
    expect(Date.now() - before).toBeLessThan(60_000)
    await second.stop()
  })

  const send = async (input: object) => {
    const order = new SendCommandCommand({ DocumentName: 'landfall-local-x', ...input })
    return (await new SSMClient(settings).send(order)).Command
  }

  it('runs a command twice on an instance that is named twice', async () => {
    const command = await send({ InstanceIds: ['i-00000001', 'i-00000001'] })
    expect(command?.TargetCount).toBe(2)
  })

  it('ignores MaxConcurrency and MaxErrors', async () => {
    const InstanceIds = ['i-00000001', 'i-00000002', 'i-00000003']
    const command = await send({ InstanceIds, MaxConcurrency: '1', MaxErrors: '1' })
    expect(command).toMatchObject({ MaxConcurrency: '50', MaxErrors: '0' })
  })

  it('refuses documents of more than one step', async () => {
    const step = { action: 'aws:runShellScript', name: 'one', inputs: { runCommand: ['true'] } }
    const text = JSON.stringify({ schemaVersion: '2.2', mainSteps: [step, step] })
    expect(() => test.aws.addDocument('two-steps', text)).toThrow(
      expect.objectContaining({ code: 'InvalidDocumentContent' }),
    )
  })

  it('describes every instance as an EC2 instance', async () => {
    const { InstanceInformationList = [] } = await new SSMClient(settings).send(
      new DescribeInstanceInformationCommand({}),
    )
    expect(InstanceInformationList.map(({ ResourceType }) => ResourceType)).toEqual([
      'EC2Instance',
      'EC2Instance',
      'EC2Instance',
    ])
  })
})

describe('the local EC2', () => {
  it('refuses filters other than id, state, address and tags', async () => {
    const Filters = [{ Name: 'vpc-id', Values: ['vpc-1'] }]
    const order = new DescribeInstancesCommand({ Filters })
    await expect(new EC2Client(settings).send(order)).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    })
  })
})

describe('the local Lambda', () => {
  it('runs a function whatever version or alias is asked for', async () => {
    const order = { FunctionName: 'landfall-local-one', Qualifier: 'none' }
    const { StatusCode, ExecutedVersion } = await new LambdaClient(settings).send(
      new InvokeCommand(order),
    )
    expect([StatusCode, ExecutedVersion]).toEqual([200, '$LATEST'])
  })
})

describe('the local endpoint', () => {
  it('takes a signature however old it is', async () => {
    const ssm = new SSMClient({ ...settings, systemClockOffset: -86_400_000 })
    const listed = await ssm.send(new DescribeInstanceInformationCommand({}))
    expect(listed.InstanceInformationList).toHaveLength(3)
  })

  it('answers that a secret does not exist to a function that may read its name', async () => {
    const reader = { ...test.aws.clientOf('landfall-local-reader'), maxAttempts: 1 }
    const order = new GetSecretValueCommand({ SecretId: 'nowhere' })
    await expect(new SecretsManagerClient(reader).send(order)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })

  it('judges functions alone: the key that it prints may do everything', async () => {
    const ssm = new SSMClient(settings)
    const listed = await ssm.send(new DescribeInstanceInformationCommand({}))
    expect(listed.InstanceInformationList).toHaveLength(3)
  })

  it('refuses every operation that is not listed', async () => {
    const order = new RotateSecretCommand({ SecretId: 'any' })
    await expect(new SecretsManagerClient(settings).send(order)).rejects.toMatchObject(unknown)
  })
})
