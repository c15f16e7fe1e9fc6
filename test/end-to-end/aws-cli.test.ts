import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListCommandInvocationsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { run } from '../../local/docker/docker.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { waitFor } from '../support/wait.ts'
import { startTestAws, toDocument, writeFunction, type TestAws } from '../support/local-aws.ts'
import { inFull, isFull } from '../support/size.ts'

await ensurePrograms([programs.aws])

/** The one in PATH, and Debian's where that is another. */
const clients = [...new Set([findProgram('aws') ?? 'aws', '/usr/bin/aws'])].filter(existsSync)

const documentName = 'landfall-local-deploy-00000000'
const functionName = 'landfall-local-echo'

describe.each(inFull(clients, clients.slice(0, 1)))('%s against the local endpoint', (program) => {
  let test: TestAws
  let directory: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'landfall-cli-'))
    const source = `export const handler = async (event) => { console.log(JSON.stringify(event)); return { got: event } }`
    const parameters = { App: { type: 'String', interpolationType: 'ENV_VAR' } }
    const documents = [{ name: documentName, text: toDocument('echo "app $SSM_App"', parameters) }]
    const pattern = { source: ['aws.cloudwatch'], detail: { state: { value: ['ALARM'] } } }
    const rules = [{ name: 'alarms', pattern, targets: [{ functionName, input: undefined }] }]
    const functions = [writeFunction('echo', source)]
    test = await startTestAws({ service: { documents, rules, functions } })
  })
  afterAll(async () => {
    await test.stop()
    rmSync(directory, { recursive: true })
  })

  const aws = async (...args: readonly string[]): Promise<unknown> => {
    const { accessKeyId, secretAccessKey } = test.client.credentials
    const settings = [
      `AWS_ACCESS_KEY_ID=${accessKeyId}`,
      `AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
      'AWS_DEFAULT_REGION=eu-west-3',
      'AWS_PAGER=',
    ]
    const order = [program, '--endpoint-url', test.aws.address, '--output', 'json', ...args]
    const text = await run('env', [...settings, ...order])
    return text.trim() === '' ? null : JSON.parse(text)
  }

  it('sends a command and reads its output', async () => {
    const sent = await aws(
      'ssm',
      'send-command',
      '--document-name',
      documentName,
      '--instance-ids',
      'i-00000001',
      '--parameters',
      'App=shop',
    )
    const { Command } = z.object({ Command: z.object({ CommandId: z.uuid() }) }).parse(sent)
    const query = ['--command-id', Command.CommandId]
    const ssm = new SSMClient(test.client)
    await waitFor('the command has succeeded', async () => {
      const listed = await ssm.send(new ListCommandInvocationsCommand(Command))
      return listed.CommandInvocations?.[0]?.Status === 'Success'
    })
    expect(await aws('ssm', 'list-command-invocations', ...query, '--details')).toMatchObject({
      CommandInvocations: [{ Status: 'Success' }],
    })
    const one = await aws('ssm', 'get-command-invocation', ...query, '--instance-id', 'i-00000001')
    expect(one).toMatchObject({ StandardOutputContent: 'app shop\n', ResponseCode: 0 })
    expect(await aws('ssm', 'describe-instance-information')).toMatchObject({
      InstanceInformationList: [{ InstanceId: 'i-00000001', PingStatus: 'Online' }],
    })
  })

  /** A protocol is spoken to one service, in the full size to each that has it. */
  const inEach = it.runIf(isFull)

  inEach('keeps a secret and its versions', async () => {
    await aws('secretsmanager', 'create-secret', '--name', 'a/b', '--secret-string', 'one')
    await aws('secretsmanager', 'put-secret-value', '--secret-id', 'a/b', '--secret-string', 'two')
    const read = ['secretsmanager', 'get-secret-value', '--secret-id', 'a/b']
    expect(await aws(...read)).toMatchObject({ SecretString: 'two' })
    expect(await aws(...read, '--version-stage', 'AWSPREVIOUS')).toMatchObject({
      SecretString: 'one',
    })
  })

  it('sets an alarm off, and its rule invokes the function', async () => {
    await aws(
      'cloudwatch',
      'put-metric-alarm',
      '--alarm-name',
      'app-5xx',
      '--namespace',
      'n',
      '--metric-name',
      'm',
      '--statistic',
      'Sum',
      '--period',
      '60',
      '--threshold',
      '1',
      '--evaluation-periods',
      '1',
      '--comparison-operator',
      'GreaterThanThreshold',
      '--dimensions',
      'Name=App,Value=shop',
      '--alarm-actions',
      'arn:aws:sns:a:b:c',
    )
    await aws(
      'cloudwatch',
      'set-alarm-state',
      '--alarm-name',
      'app-5xx',
      '--state-value',
      'ALARM',
      '--state-reason',
      'a <test> & more',
    )
    const described = await aws('cloudwatch', 'describe-alarms', '--alarm-names', 'app-5xx')
    expect(described).toMatchObject({
      MetricAlarms: [
        {
          AlarmName: 'app-5xx',
          StateValue: 'ALARM',
          StateReason: 'a <test> & more',
          Threshold: 1,
          Dimensions: [{ Name: 'App', Value: 'shop' }],
          AlarmActions: ['arn:aws:sns:a:b:c'],
        },
      ],
    })
    const isWoken = () => test.logs.some((line) => line.includes('"alarmName":"app-5xx"'))
    await waitFor('the rule has woken the function', isWoken)
  })

  it('lists instances by their tags', async () => {
    const filters = ['Name=tag:Name,Values=demo', 'Name=instance-state-name,Values=running']
    expect(await aws('ec2', 'describe-instances', '--filters', ...filters)).toMatchObject({
      Reservations: [{ Instances: [{ InstanceId: 'i-00000001', State: { Name: 'running' } }] }],
    })
  })

  it('invokes a function', async () => {
    const payload = join(directory, 'payload.json')
    writeFileSync(payload, '{"a":1}')
    const output = join(directory, 'output.json')
    await aws(
      'lambda',
      'invoke',
      '--function-name',
      functionName,
      '--payload',
      `fileb://${payload}`,
      output,
    )
    expect(JSON.parse(readFileSync(output, 'utf8'))).toEqual({ got: { a: 1 } })
  })

  it('creates a table, writes and reads', async () => {
    await aws(
      'dynamodb',
      'create-table',
      '--table-name',
      'demo',
      '--billing-mode',
      'PAY_PER_REQUEST',
      '--attribute-definitions',
      'AttributeName=pk,AttributeType=S',
      '--key-schema',
      'AttributeName=pk,KeyType=HASH',
    )
    const item = ['--table-name', 'demo', '--item', '{"pk":{"S":"a"}}']
    await aws('dynamodb', 'put-item', ...item)
    const query = ['--key-condition-expression', 'pk = :a']
    const values = ['--expression-attribute-values', '{":a":{"S":"a"}}']
    expect(
      await aws('dynamodb', 'query', '--table-name', 'demo', ...query, ...values),
    ).toMatchObject({
      Items: [{ pk: { S: 'a' } }],
    })
  })

  it('gets the code of an error', async () => {
    const missing = ['secretsmanager', 'get-secret-value', '--secret-id', 'missing']
    await expect(aws(...missing)).rejects.toThrow('ResourceNotFoundException')
    await expect(aws('ec2', 'describe-instances', '--instance-ids', 'i-9')).rejects.toThrow(
      'InvalidInstanceID.NotFound',
    )
  })

  inEach('gets the code of an error of CloudWatch', async () => {
    const state = ['--alarm-name', 'none', '--state-value', 'OK', '--state-reason', 'x']
    await expect(aws('cloudwatch', 'set-alarm-state', ...state)).rejects.toThrow('ResourceNotFound')
  })
})
