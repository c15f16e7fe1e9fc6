import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch'
import {
  CreateTableCommand,
  DynamoDBClient,
  ScanCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { ListCommandInvocationsCommand, SSMClient, SendCommandCommand } from '@aws-sdk/client-ssm'
import {
  BatchGetCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { HttpRequest } from '@smithy/core/protocols'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  account,
  roleOf,
  startTestAws,
  toDocument,
  waitUntil,
  writeFunction,
  type TestAws,
} from '../support/local-aws.ts'

const here = `${account.region}:${account.id}`
const tableArn = `arn:aws:dynamodb:${here}:table/journal`
const keyArn = `arn:aws:kms:${here}:key/11111111-2222-3333-4444-555555555555`

const table = {
  TableName: 'journal',
  AttributeDefinitions: ['pk', 'sk', 'open'].map((AttributeName) => ({
    AttributeName,
    AttributeType: 'S' as const,
  })),
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' as const },
    { AttributeName: 'sk', KeyType: 'RANGE' as const },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'open',
      KeySchema: [{ AttributeName: 'open', KeyType: 'HASH' as const }],
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST' as const,
}

const leading = (...values: readonly string[]) => ({
  'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': values },
})

const logs = { Action: 'logs:*', Resource: '*' }
const document = 'landfall-local-plan-1'

/** As the packaged roles are made: what one function may do, in each service. */
const role = roleOf(
  logs,
  {
    Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    Resource: tableArn,
    Condition: leading('app#*'),
  },
  { Action: 'dynamodb:BatchGetItem', Resource: tableArn, Condition: leading('app#*', 'head#*') },
  { Action: 'dynamodb:Query', Resource: tableArn, Condition: leading('app#*') },
  { Action: 'dynamodb:Query', Resource: `${tableArn}/index/open`, Condition: leading('open') },
  { Action: 'ssm:SendCommand', Resource: `arn:aws:ssm:${here}:document/landfall-local-plan-*` },
  {
    Action: 'ssm:SendCommand',
    Resource: `arn:aws:ec2:${here}:instance/*`,
    Condition: { StringEquals: { 'ssm:resourceTag/landfall:stage': 'local' } },
  },
  {
    Action: 'secretsmanager:GetSecretValue',
    Resource: ['allowed', 'sealed', 'missing'].map(
      (name) => `arn:aws:secretsmanager:${here}:secret:${name}-??????`,
    ),
  },
  {
    Action: 'events:PutEvents',
    Resource: `arn:aws:events:${here}:event-bus/default`,
    Condition: { StringEquals: { 'events:source': 'landfall' } },
  },
  {
    Action: 'lambda:InvokeFunction',
    Resource: `arn:aws:lambda:${here}:function:landfall-local-open`,
  },
)

const source = 'export const handler = async () => { console.log("it ran"); return 1 }'
const failing = 'export const handler = async () => { throw new Error("no") }'
const failed = `arn:aws:sqs:${here}:failed`

let local: TestAws
let client: TestAws['client'] & { readonly maxAttempts: number }

beforeAll(async () => {
  local = await startTestAws({
    instances: 2,
    service: {
      documents: [document, 'landfall-local-deploy-1'].map((name) => ({
        name,
        text: toDocument('true'),
      })),
      functions: [
        writeFunction('judged', source, { role }),
        writeFunction('open', source),
        writeFunction('silent', source, { role: roleOf() }),
        writeFunction('fails', failing, { role: roleOf(logs), failureDestination: failed }),
      ],
      tables: [table],
    },
  })
  client = { ...local.aws.clientOf('landfall-local-judged'), maxAttempts: 1 }
  const dynamodb = new DynamoDBClient(local.client)
  await dynamodb.send(new CreateTableCommand(table))
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 60, minDelay: 1 }, table)
  const secrets = new SecretsManagerClient(local.client)
  for (const [Name, KmsKeyId] of [['allowed'], ['other'], ['sealed', keyArn]] as const)
    await secrets.send(new CreateSecretCommand({ Name, SecretString: 'x', KmsKeyId }))
})
afterAll(() => local.stop())

const user = `arn:aws:sts::${account.id}:assumed-role/TestRole/landfall-local-judged`
const explain = (action: string, resource: string): string =>
  `User: ${user} is not authorized to perform: ${action}${resource === '' ? '' : ` on resource: ${resource}`} because no identity-based policy allows the ${action} action`

/** It is refused as the service says it, and recorded. */
const expectRefused = async (
  call: Promise<unknown>,
  message: string,
  name = 'AccessDeniedException',
  httpStatusCode = 400,
): Promise<void> => {
  const before = local.aws.access.denials.length
  await expect(call).rejects.toMatchObject({ name, message, $metadata: { httpStatusCode } })
  expect(local.aws.access.denials.length).toBe(before + 1)
}

describe('the local IAM', () => {
  const items = () => DynamoDBDocumentClient.from(new DynamoDBClient(client))
  const at = (pk: string) => ({ TableName: 'journal', Key: { pk, sk: 'x' } })

  it('lets a function read and write the partitions of the journal that its role names, and no other', async () => {
    const changes = { UpdateExpression: 'SET a = :a', ExpressionAttributeValues: { ':a': 1 } }
    const calls = {
      PutItem: (pk: string) =>
        items().send(new PutCommand({ TableName: 'journal', Item: { pk, sk: 'x' } })),
      GetItem: (pk: string) => items().send(new GetCommand(at(pk))),
      UpdateItem: (pk: string) => items().send(new UpdateCommand({ ...at(pk), ...changes })),
      Query: (pk: string) =>
        items().send(
          new QueryCommand({
            TableName: 'journal',
            KeyConditionExpression: 'begins_with(sk, :x) AND #pk = :pk',
            ExpressionAttributeNames: { '#pk': 'pk' },
            ExpressionAttributeValues: { ':pk': pk, ':x': 'x' },
          }),
        ),
      DeleteItem: (pk: string) => items().send(new DeleteCommand(at(pk))),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call('app#shop'), name).resolves.toBeDefined()
      await expectRefused(call('head#shop'), explain(`dynamodb:${name}`, tableArn))
    }
  })

  it('judges a read of many items by each of their partitions', async () => {
    const read = (...partitions: readonly string[]) => {
      const Keys = partitions.map((pk) => ({ pk, sk: 'x' }))
      return items().send(new BatchGetCommand({ RequestItems: { journal: { Keys } } }))
    }
    await expect(read('app#a', 'head#a')).resolves.toBeDefined()
    const message = explain('dynamodb:BatchGetItem', tableArn)
    await expectRefused(read('app#a', 'instance#i-1'), message)
  })

  it('judges a query of an index by the index and its own key', async () => {
    const ask = (open: string) =>
      items().send(
        new QueryCommand({
          TableName: 'journal',
          IndexName: 'open',
          KeyConditionExpression: '#open = :open',
          ExpressionAttributeNames: { '#open': 'open' },
          ExpressionAttributeValues: { ':open': open },
        }),
      )
    await expect(ask('open')).resolves.toBeDefined()
    await expectRefused(ask('other'), explain('dynamodb:Query', `${tableArn}/index/open`))
  })

  it('judges a command by its document and by the tags of each instance', async () => {
    const send = (DocumentName: string, ...InstanceIds: string[]) =>
      new SSMClient(client).send(new SendCommandCommand({ DocumentName, InstanceIds }))
    await expect(send(document, 'i-00000001', 'i-00000002')).resolves.toBeDefined()
    await expectRefused(
      send('landfall-local-deploy-1', 'i-00000001'),
      explain('ssm:SendCommand', `arn:aws:ssm:${here}:document/landfall-local-deploy-1`),
    )
    await expectRefused(
      send(document, 'i-00000001', 'i-untagged'),
      explain('ssm:SendCommand', `arn:aws:ec2:${here}:instance/i-untagged`),
    )
  })

  it('judges a secret by its whole ARN', async () => {
    const read = (SecretId: string) =>
      new SecretsManagerClient(client).send(new GetSecretValueCommand({ SecretId }))
    await expect(read('allowed')).resolves.toMatchObject({ SecretString: 'x' })
    for (const name of ['other', 'nowhere'])
      await expectRefused(read(name), explain('secretsmanager:GetSecretValue', name))
  })

  it("asks for the customer's key that a secret is encrypted with", async () => {
    const read = new SecretsManagerClient(client).send(
      new GetSecretValueCommand({ SecretId: 'sealed' }),
    )
    await expectRefused(read, 'Access to KMS is not allowed')
    expect(local.aws.access.denials.at(-1)).toBe(explain('kms:Decrypt', keyArn))
  })

  it('judges each event of a call by its source', async () => {
    const put = (...sources: readonly string[]) => {
      const Entries = sources.map((Source) => ({ Source, DetailType: 'x', Detail: '{}' }))
      return new EventBridgeClient(client).send(new PutEventsCommand({ Entries }))
    }
    await expect(put('landfall', 'landfall')).resolves.toMatchObject({ FailedEntryCount: 0 })
    await expectRefused(
      put('landfall', 'aws.cloudwatch'),
      explain('events:PutEvents', `arn:aws:events:${here}:event-bus/default`),
    )
  })

  it('answers a refusal in the way of each service', async () => {
    const alarms = new CloudWatchClient(client).send(new DescribeAlarmsCommand({}))
    const alarmArn = `arn:aws:cloudwatch:${here}:alarm:*`
    await expectRefused(alarms, explain('cloudwatch:DescribeAlarms', alarmArn), 'AccessDenied', 403)
    await expectRefused(
      new EC2Client(client).send(new DescribeInstancesCommand({})),
      `You are not authorized to perform this operation. ${explain('ec2:DescribeInstances', '')}`,
      'UnauthorizedOperation',
      403,
    )
    await expectRefused(
      new SSMClient(client).send(new ListCommandInvocationsCommand({})),
      explain('ssm:ListCommandInvocations', ''),
    )
    const invoke = (FunctionName: string) =>
      new LambdaClient(client).send(new InvokeCommand({ FunctionName, Payload: '{}' }))
    await expect(invoke('landfall-local-open')).resolves.toMatchObject({ StatusCode: 200 })
    await expectRefused(
      invoke('landfall-local-judged'),
      explain('lambda:InvokeFunction', `arn:aws:lambda:${here}:function:landfall-local-judged`),
      'AccessDeniedException',
      403,
    )
  })

  it('judges a version of a function as a resource of its own', async () => {
    const lambda = new LambdaClient(client)
    const arn = `arn:aws:lambda:${here}:function:landfall-local-open:2`
    for (const named of [
      { FunctionName: 'landfall-local-open:2' },
      { FunctionName: 'landfall-local-open', Qualifier: '2' },
      { FunctionName: arn },
    ])
      await expectRefused(
        lambda.send(new InvokeCommand(named)),
        explain('lambda:InvokeFunction', arn),
        'AccessDeniedException',
        403,
      )
  })

  it('judges a path of a function as what is answered to it', async () => {
    const lambda = new LambdaClient(client)
    lambda.middlewareStack.add(
      (next) => (args) => {
        if (HttpRequest.isInstance(args.request))
          args.request.path = args.request.path.replace('/invocations', '/x/invocations')
        return next(args)
      },
      { step: 'build' },
    )
    await expectRefused(
      lambda.send(new InvokeCommand({ FunctionName: 'landfall-local-open' })),
      'landfall-local-judged: the call lambda GetFunction cannot be judged: it has no mapping to actions',
      'AccessDeniedException',
      403,
    )
  })

  it('refuses a function a call that it cannot judge, and says so', async () => {
    const scan = new DynamoDBClient(client).send(new ScanCommand({ TableName: 'journal' }))
    await expectRefused(
      scan,
      'landfall-local-judged: the call dynamodb Scan cannot be judged: it has no mapping to actions',
    )
  })

  it('keeps nothing of what a function prints whose role may not write a log', async () => {
    const { denials } = local.aws.access
    await local.aws.runner.invoke('landfall-local-silent', '{}')
    await local.aws.runner.invoke('landfall-local-open', '{}')
    expect(local.logs.filter((line) => line.endsWith('it ran'))).not.toContain(
      'landfall-local-silent it ran',
    )
    expect(denials.at(-1)).toMatch(/landfall-local-silent is not .* logs:CreateLogStream on/)
  })

  it('judges by the role what Lambda sends where an event failed for good', async () => {
    local.aws.runner.invokeAsync('landfall-local-fails', {})
    await waitUntil(
      () => /fails is not .* sqs:SendMessage on/.test(local.aws.access.denials.at(-1) ?? ''),
      'the failed event is sent to its destination',
    )
  })

  it('lets the administrator do everything', async () => {
    const before = local.aws.access.denials.length
    const { Count } = await new DynamoDBClient(local.client).send(
      new ScanCommand({ TableName: 'journal' }),
    )
    expect(Count).toBe(0)
    expect(local.aws.access.denials.length).toBe(before)
  })

  it('notes which grants allowed something', () => {
    const used = [...local.aws.access.exercised]
    expect(used).toContain(`TestRole[1]: dynamodb:GetItem on ${tableArn}`)
    expect(used).toContain(
      'TestRole[2]: dynamodb:BatchGetItem where dynamodb:leadingkeys is head#*',
    )
    expect(used).not.toContain(`TestRole[1]: dynamodb:Query on ${tableArn}`)
  })
})
