import {
  CloudWatchClient,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAlarmStates } from '../../src/aws/alarm-states.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'

let aws: TestAws
let cloudWatch: CloudWatchClient

beforeEach(async () => {
  aws = await startTestAws()
  cloudWatch = new CloudWatchClient(aws.client)
})
afterEach(() => aws.stop())

const createMetricAlarm = (name: string) =>
  cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: name,
      Namespace: 'Shop',
      MetricName: 'Errors',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    }),
  )

test('tells the state of metric alarms and composite ones, and leaves out what is not there', async () => {
  await createMetricAlarm('shop-5xx')
  await createMetricAlarm('other')
  await cloudWatch.send(
    new PutCompositeAlarmCommand({ AlarmName: 'shop', AlarmRule: 'ALARM("shop-5xx")' }),
  )
  const firing = { AlarmName: 'shop-5xx', StateValue: 'ALARM', StateReason: 'test' } as const
  await cloudWatch.send(new SetAlarmStateCommand(firing))
  const states = createAlarmStates(() => cloudWatch)
  expect(await states(['shop-5xx', 'shop', 'gone'])).toEqual([
    { name: 'shop-5xx', state: 'ALARM' },
    { name: 'shop', state: 'INSUFFICIENT_DATA' },
  ])
})

test('asks again where one question or one answer does not hold them all', async () => {
  const names = Array.from({ length: 120 }, (_, index) => `alarm-${index}`)
  for (const name of names) await createMetricAlarm(name)
  expect(await createAlarmStates(() => cloudWatch)(names)).toHaveLength(120)
})
