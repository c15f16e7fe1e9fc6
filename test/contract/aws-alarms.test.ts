import {
  CloudWatchClient,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
  type StateValue,
} from '@aws-sdk/client-cloudwatch'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createAlarmStates, createReadAlarms } from '../../src/aws/alarms.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { startTestAws, waitUntil, type TestAws } from '../support/local-aws.ts'

let aws: TestAws
let client: CloudWatchClient
beforeAll(async () => {
  aws = await startTestAws()
  client = new CloudWatchClient({ ...aws.client, maxAttempts: 1 })
})
afterAll(() => aws.stop())
beforeEach(() => {
  aws.faults.onCall = () => null
})

const put = (AlarmName: string) =>
  client.send(
    new PutMetricAlarmCommand({
      AlarmName,
      MetricName: '5xx',
      Namespace: 'Landfall',
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 1,
      Period: 60,
      Statistic: 'Sum',
    }),
  )

const set = (AlarmName: string, StateValue: StateValue) =>
  client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'a test' }))

/** A call takes 100 names, and a page holds 100 alarms. */
const many = Array.from({ length: 101 }, (_, index) => `many-${index}`)
beforeAll(async () => {
  for (const name of many) await put(name)
})

const read = (names: readonly string[]) => createReadAlarms(() => client)(names)

test('reads which of the named alarms exist, which fire, and since when', async () => {
  const before = Math.floor(Date.now() / 1000) * 1000
  await put('errors')
  await put('latency')
  await put('of another team')
  for (const name of ['errors', 'of another team']) await set(name, 'ALARM')
  await set('latency', 'OK')
  const known = await read(['errors', 'latency', 'not there'])
  expect(known.map(({ alarm }) => alarm).toSorted()).toEqual(['errors', 'latency'])
  const timeOf = (name: string) => known.find(({ alarm }) => alarm === name)?.at
  expect(timeOf('latency')).toBeNull()
  const at = Date.parse(timeOf('errors') ?? '')
  expect(at).toBeGreaterThanOrEqual(before)
  expect(at).toBeLessThanOrEqual(Date.now())
})

test('reads since when an alarm fires from its last change of state, not its last evaluation', async () => {
  await put('steady')
  await set('steady', 'ALARM')
  const [first] = await read(['steady'])
  await waitUntil(() => Date.now() > Date.parse(first?.at ?? ''), 'the clock has moved on')
  await set('steady', 'ALARM')
  expect((await read(['steady']))[0]?.at).toBe(first?.at)
})

test('reads which composite alarms fire', async () => {
  await put('part')
  const AlarmRule = 'ALARM(part)'
  await client.send(new PutCompositeAlarmCommand({ AlarmName: 'whole', AlarmRule }))
  await set('whole', 'ALARM')
  const firing = (await read(['whole', 'part'])).filter(({ at }) => at !== null)
  expect(firing.map(({ alarm }) => alarm)).toEqual(['whole'])
})

test('reads more alarms than a page and a call take', async () => {
  for (const name of many) await set(name, 'ALARM')
  expect((await read(many)).map(({ alarm }) => alarm).toSorted()).toEqual(many.toSorted())
  expect(await read([])).toEqual([])
})

test('fails retryably while CloudWatch throttles alarm reads', async () => {
  const code = 'ThrottlingException'
  aws.faults.onCall = () => ({ kind: 'refuse', code, message: 'Rate exceeded', statusCode: 400 })
  await expect(read(['errors'])).rejects.toThrow(Retryable)
})

const statesOf = (names: readonly string[]) => createAlarmStates(() => client)(names)

test('reads the states of metric and composite alarms, without those that do not exist', async () => {
  await put('shop-5xx')
  const AlarmRule = 'ALARM("shop-5xx")'
  await client.send(new PutCompositeAlarmCommand({ AlarmName: 'shop', AlarmRule }))
  await set('shop-5xx', 'ALARM')
  expect(await statesOf(['shop-5xx', 'shop', 'gone'])).toEqual([
    { name: 'shop-5xx', state: 'ALARM' },
    { name: 'shop', state: 'INSUFFICIENT_DATA' },
  ])
})

test('reads more alarm states than a page and a call take', async () => {
  expect((await statesOf(many)).map(({ name }) => name).toSorted()).toEqual(many.toSorted())
})
