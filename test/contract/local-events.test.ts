import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { SSMClient, SendCommandCommand } from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AwsEvent, type EventRule } from '../../local/aws/index.ts'
import {
  startTestAws,
  toDocument,
  waitUntil,
  writeFunction,
  type TestAws,
} from '../support/local-aws.ts'
import { postForm } from '../support/signed-post.ts'

const echo = `export const handler = async (event) => { console.log(JSON.stringify(event)) }`
const functionName = 'landfall-local-echo'
const targets = [{ functionName, input: undefined }]

const rules: readonly EventRule[] = [
  {
    name: 'alarms',
    pattern: {
      source: ['aws.cloudwatch'],
      'detail-type': ['CloudWatch Alarm State Change'],
      resources: ['arn:aws:cloudwatch:eu-west-3:000000000000:alarm:app-5xx'],
      detail: { state: { value: ['ALARM'] } },
    },
    targets,
  },
  {
    name: 'commands',
    pattern: {
      source: ['aws.ssm'],
      'detail-type': ['EC2 Command Invocation Status-change Notification'],
      detail: {
        'document-name': [{ prefix: 'landfall-local-deploy-' }],
        status: [{ 'anything-but': ['Pending', 'InProgress'] }],
      },
    },
    targets,
  },
  { name: 'own', pattern: { source: ['demo'] }, targets },
]

describe('events of the local stack', () => {
  let test: TestAws
  let cloudwatch: CloudWatchClient

  beforeEach(async () => {
    const documents = [
      { name: 'landfall-local-deploy-1', text: toDocument('true') },
      { name: 'landfall-local-other', text: toDocument('true') },
    ]
    const functions = [writeFunction('echo', echo)]
    test = await startTestAws({ service: { rules, functions, documents } })
    cloudwatch = new CloudWatchClient({ ...test.client, maxAttempts: 1 })
  })
  afterEach(() => test.stop())

  const received = (): readonly AwsEvent[] =>
    test.logs
      .filter((line) => line.startsWith(`${functionName} {`))
      .map((line) => AwsEvent.parse(JSON.parse(line.slice(functionName.length + 1))))
  const put = (AlarmName: string) =>
    cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName,
        Namespace: 'AWS/ApplicationELB',
        MetricName: 'HTTPCode_Target_5XX_Count',
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
      }),
    )
  const set = (AlarmName: string, StateValue: 'OK' | 'ALARM') =>
    cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'test' }))

  it('tells the rule of an alarm when its state changes, and only then', async () => {
    await put('app-5xx')
    await put('other')
    await set('app-5xx', 'OK')
    await set('other', 'ALARM')
    await set('app-5xx', 'ALARM')
    await set('app-5xx', 'ALARM')
    await waitUntil(() => received().length > 0, 'the rule has an event')
    const [event] = received()
    expect(received()).toHaveLength(1)
    expect(event).toMatchObject({
      account: '000000000000',
      region: 'eu-west-3',
      resources: ['arn:aws:cloudwatch:eu-west-3:000000000000:alarm:app-5xx'],
      detail: { alarmName: 'app-5xx', previousState: { value: 'OK' }, state: { value: 'ALARM' } },
    })
    expect(JSON.stringify(event?.detail)).toMatch(/"timestamp":"[\d-]+T[\d:.]+\+0000"/)
  })

  it('dates the state of an alarm by the time that is let pass', async () => {
    await put('app-5xx')
    const before = Date.now() + 3_600_000
    test.aws.pass(3600)
    await set('app-5xx', 'ALARM')
    const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({}))
    expect(Number(MetricAlarms?.[0]?.StateUpdatedTimestamp)).toBeGreaterThanOrEqual(before)
  })

  it('describes metric alarms, and composite ones when they are asked for', async () => {
    await put('app-5xx')
    const AlarmRule = 'ALARM("app-5xx")'
    await cloudwatch.send(new PutCompositeAlarmCommand({ AlarmName: 'all', AlarmRule }))
    const plain = await cloudwatch.send(new DescribeAlarmsCommand({}))
    expect(plain.MetricAlarms?.[0]).toMatchObject({
      AlarmName: 'app-5xx',
      StateValue: 'INSUFFICIENT_DATA',
      Threshold: 1,
    })
    expect(plain.MetricAlarms?.[0]?.StateTransitionedTimestamp).toBeInstanceOf(Date)
    expect(plain.CompositeAlarms).toEqual([])
    const AlarmTypes = ['MetricAlarm' as const, 'CompositeAlarm' as const]
    const both = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmTypes }))
    expect(both.CompositeAlarms?.[0]).toMatchObject({ AlarmName: 'all', AlarmRule })
  })

  it('deletes alarms, and answers forms of the Query protocol about those that are left', async () => {
    for (const name of ['app-5xx', 'second', 'third', 'gone']) await put(name)
    await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: ['gone'] }))
    const { text } = await postForm(test.client, 'monitoring', {
      Action: 'DescribeAlarms',
      Version: '2010-08-01',
      'AlarmNames.member.1': 'app-5xx',
      'AlarmNames.member.2': 'third',
      'AlarmNames.member.3': 'gone',
    })
    const names = [...text.matchAll(/<AlarmName>([^<]+)</g)].map(([, name]) => name)
    expect(names).toEqual(['app-5xx', 'third'])
  })

  it('keeps alarms over a restart, and knows none that were never put', async () => {
    await put('app-5xx')
    await set('app-5xx', 'OK')
    test = await test.restart()
    cloudwatch = new CloudWatchClient({ ...test.client, maxAttempts: 1 })
    const AlarmNames = ['app-5xx']
    const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames }))
    expect(MetricAlarms?.[0]?.StateValue).toBe('OK')
    await expect(set('none', 'OK')).rejects.toMatchObject({ name: 'ResourceNotFound' })
  })

  it('tells of our documents when an invocation ends, without parameters or output', async () => {
    const ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    const InstanceIds = ['i-00000001']
    for (const DocumentName of ['landfall-local-other', 'landfall-local-deploy-1'])
      await ssm.send(new SendCommandCommand({ DocumentName, InstanceIds }))
    await waitUntil(() => received().length > 0, 'the rule has an event')
    const [event] = received()
    expect(received()).toHaveLength(1)
    expect(event?.detail).toMatchObject({
      'document-name': 'landfall-local-deploy-1',
      'instance-id': 'i-00000001',
      status: 'Success',
    })
    const names = ['command-id', 'document-name', 'instance-id', 'requested-date-time', 'status']
    expect(Object.keys(event?.detail ?? {}).toSorted()).toEqual(names)
  })

  it('hands events of PutEvents to their rule, and loses or doubles them on demand', async () => {
    const events = new EventBridgeClient({ ...test.client, maxAttempts: 1 })
    const Entries = [{ Source: 'demo', DetailType: 'd', Detail: '{"a":1}' }]
    await events.send(new PutEventsCommand({ Entries }))
    await waitUntil(() => received().length === 1, 'the rule has the event')
    test.faults.onEvent = () => 'lose'
    await events.send(new PutEventsCommand({ Entries }))
    test.faults.onEvent = () => 'double'
    await events.send(new PutEventsCommand({ Entries }))
    await waitUntil(() => received().length === 3, 'the rule has the doubled event')
    const bad = [{ Source: 'demo', DetailType: 'd', Detail: 'no json' }]
    const answer = await events.send(new PutEventsCommand({ Entries: bad }))
    expect(answer.FailedEntryCount).toBe(1)
  })
})
