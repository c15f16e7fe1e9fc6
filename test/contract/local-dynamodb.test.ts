import { once } from 'node:events'
import { connect } from 'node:net'
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import {
  DescribeInstancesCommand,
  EC2Client,
  type DescribeInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import {
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestAws, type TestAws } from '../support/local-aws.ts'

const TableName = 'landfall-local'

const createTable = new CreateTableCommand({
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: ['pk', 'sk', 'open', 'openKey'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S',
  })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'open',
      KeySchema: [
        { AttributeName: 'open', KeyType: 'HASH' },
        { AttributeName: 'openKey', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
})

describe('the local DynamoDB', () => {
  let test: TestAws
  let table: DynamoDBDocumentClient

  beforeEach(async () => {
    test = await startTestAws()
    table = DynamoDBDocumentClient.from(new DynamoDBClient({ ...test.client, maxAttempts: 2 }))
    await table.send(createTable)
    const client = new DynamoDBClient(test.client)
    await waitUntilTableExists(
      { client, maxWaitTime: 30, minDelay: 0.01, maxDelay: 0.1 },
      { TableName },
    )
  })
  afterEach(() => test.stop())

  const put = (version: number, expected: number) =>
    table.send(
      new PutCommand({
        TableName,
        Item: { pk: 'app#a', sk: 'head', version, open: 'open', openKey: 'a' },
        ConditionExpression: expected === 0 ? 'attribute_not_exists(pk)' : 'version = :expected',
        ...(expected === 0 ? {} : { ExpressionAttributeValues: { ':expected': expected } }),
      }),
    )

  it('writes under a condition and refuses a lost race', async () => {
    await put(1, 0)
    await expect(put(1, 0)).rejects.toBeInstanceOf(ConditionalCheckFailedException)
    await put(2, 1)
    const Key = { pk: 'app#a', sk: 'head' }
    const { Item } = await table.send(new GetCommand({ TableName, Key, ConsistentRead: true }))
    expect(Item).toMatchObject({ version: 2 })
  })

  it('finds in the sparse index only what carries its key', async () => {
    await put(1, 0)
    const open = async () => {
      const query = new QueryCommand({
        TableName,
        IndexName: 'open',
        KeyConditionExpression: '#open = :open',
        ExpressionAttributeNames: { '#open': 'open' },
        ExpressionAttributeValues: { ':open': 'open' },
      })
      return (await table.send(query)).Items ?? []
    }
    expect(await open()).toEqual([{ pk: 'app#a', sk: 'head', open: 'open', openKey: 'a' }])
    const Key = { pk: 'app#a', sk: 'head' }
    const UpdateExpression = 'REMOVE #open, openKey'
    const ExpressionAttributeNames = { '#open': 'open' }
    await table.send(
      new UpdateCommand({ TableName, Key, UpdateExpression, ExpressionAttributeNames }),
    )
    expect(await open()).toEqual([])
  })

  it('deletes an item under a condition', async () => {
    await put(1, 0)
    const remove = (version: number) =>
      table.send(
        new DeleteCommand({
          TableName,
          Key: { pk: 'app#a', sk: 'head' },
          ConditionExpression: 'version = :version',
          ExpressionAttributeValues: { ':version': version },
        }),
      )
    await expect(remove(2)).rejects.toBeInstanceOf(ConditionalCheckFailedException)
    await remove(1)
    await put(1, 0)
  })

  it('keeps items over a restart', async () => {
    await put(1, 0)
    test = await test.restart()
    table = DynamoDBDocumentClient.from(new DynamoDBClient(test.client))
    const Key = { pk: 'app#a', sk: 'head' }
    expect((await table.send(new GetCommand({ TableName, Key }))).Item).toMatchObject({
      version: 1,
    })
  })

  it('loses an answer after the act when the faults say so', async () => {
    let calls = 0
    test.faults.onCall = ({ operation }) => {
      calls += operation === 'PutItem' ? 1 : 0
      return operation === 'PutItem' && calls === 1 ? { kind: 'lose_answer' } : null
    }
    // The client's second try meets its own first write.
    await expect(put(1, 0)).rejects.toBeInstanceOf(ConditionalCheckFailedException)
    expect(calls).toBe(2)
    expect(test.aws.repeats).toEqual(['administrator dynamodb PutItem'])
  })

  it('outlives a caller that goes away within its request', async () => {
    const socket = connect(Number(new URL(test.aws.address).port), 'localhost')
    const head = 'POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: DynamoDB_20120810.PutItem'
    socket.end(`${head}\r\ncontent-length: 100\r\n\r\n{`)
    socket.resume()
    await once(socket, 'close')
    await put(1, 0)
    await expect(put(1, 0)).rejects.toBeInstanceOf(ConditionalCheckFailedException)
  })
})

describe('the local EC2', () => {
  it('lists instances by state, tag and id, and says who does not exist', async () => {
    const test = await startTestAws({ instances: 3 })
    const ec2 = new EC2Client({ ...test.client, maxAttempts: 1 })
    const ids = async (input: DescribeInstancesCommandInput) => {
      const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand(input))
      return Reservations.flatMap(({ Instances = [] }) => Instances).map((one) => one.InstanceId)
    }
    const second = test.fleet.get('i-00000002')
    if (second) second.status.state = 'stopped'
    const running = { Name: 'instance-state-name', Values: ['running'] }
    const stage = { Name: 'tag:landfall:stage', Values: ['local'] }
    expect(await ids({ Filters: [running, stage] })).toEqual(['i-00000001', 'i-00000003'])
    expect(await ids({ Filters: [{ Name: 'tag:Name', Values: ['other'] }] })).toEqual([])
    expect(await ids({ InstanceIds: ['i-00000002'] })).toEqual(['i-00000002'])
    await expect(ids({ InstanceIds: ['i-00000009'] })).rejects.toMatchObject({
      name: 'InvalidInstanceID.NotFound',
    })
    const { Reservations } = await ec2.send(new DescribeInstancesCommand({}))
    expect(Reservations?.[0]?.Instances?.[0]).toMatchObject({
      State: { Name: 'running', Code: 16 },
      PrivateIpAddress: '10.77.0.11',
      Tags: [
        { Key: 'landfall:stage', Value: 'local' },
        { Key: 'Name', Value: 'demo' },
      ],
    })
    await test.stop()
  })
})
