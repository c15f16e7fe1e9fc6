import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { instantSchema } from '../../src/journal/item.ts'
import { createJudgeAlarmEvent, parseAlarmEvent } from '../../src/rollout/alarm-event.ts'
import { appOf } from '../support/apps.ts'
import { live } from '../support/core.ts'
import { silent } from '../support/examples.ts'
import { inFull } from '../support/size.ts'

const now = new Date('2026-11-20T10:05:00.000Z')
const rollback = {
  alarms: ['shop-5xx', 'constructor'],
  windowSeconds: 1800,
  secrets: 'recorded',
} as const
const apps = [appOf('shop', { rollback }), appOf('blog')]

/** Two releases were live: a valid alarm rolls the second back. */
const { stored } = live(1, 1, 2)

/** The handler over a journal in memory that counts what is written. */
const createHandler = () => {
  const calls: string[] = []
  const handle = createJudgeAlarmEvent({
    heads: {
      load: async () => stored,
      record: async () => {
        calls.push('head')
        return 'recorded'
      },
    },
    auditLog: { recordAlarm: async () => void calls.push('alarm') },
    nudge: async () => void calls.push('nudge'),
    apps,
    clock: () => now,
    log: silent,
  })
  return { handle, calls }
}

/** An event as EventBridge sends it: the used fields and some others. */
const genuine = {
  version: '0',
  id: 'c4c1c1c9-6542-e61b-6ef0-8c4d36933a92',
  'detail-type': 'CloudWatch Alarm State Change',
  source: 'aws.cloudwatch',
  account: '123456789012',
  time: '2026-11-20T10:04:40Z',
  region: 'eu-west-3',
  resources: ['arn:aws:cloudwatch:eu-west-3:123456789012:alarm:shop-5xx'],
  detail: {
    alarmName: 'shop-5xx',
    configuration: { metrics: [] },
    previousState: { timestamp: '2026-11-20T09:00:00.000+0000', value: 'OK' },
    state: { timestamp: '2026-11-20T10:04:40.989+0000', value: 'ALARM', reason: 'Threshold' },
  },
}

const odd = fc.oneof(
  fc.constantFrom('ALARM', 'OK', 'INSUFFICIENT_DATA', 'alarm', '__proto__', 'shop-5xx', 'blog'),
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
  fc.anything(),
)

/** The genuine event with the value at one of its paths replaced by anything, or left out. */
const paths = [
  ['source'],
  ['detail'],
  ['detail', 'alarmName'],
  ['detail', 'previousState'],
  ['detail', 'previousState', 'value'],
  ['detail', 'state'],
  ['detail', 'state', 'value'],
  ['detail', 'state', 'timestamp'],
] as const

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const change = (event: unknown, path: readonly string[], value: unknown): unknown => {
  const [name, ...rest] = path
  if (name === undefined) return value
  return isObject(event) ? { ...event, [name]: change(event[name], rest, value) } : event
}

const changed = fc
  .tuple(fc.constantFrom(...paths), odd)
  .map(([path, value]) => change(genuine, path, value))

const times = fc.oneof(
  fc.date().map((date) => String(date)),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString().replace('Z', '+0000')),
  fc.constantFrom('-271821-04-20T00:00:00.000Z', '+275760-09-13T00:00:00.000Z', '0', '1e9', ''),
)
const timed = times.map((time) => change(genuine, ['detail', 'state', 'timestamp'], time))

const event = fc.oneof(changed, timed, fc.anything(), fc.jsonValue())

beforeAll(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
})
afterAll(() => {
  vi.restoreAllMocks()
})

/** Whether the event is the transition of an alarm to ALARM from another state. */
const isTransition = (sent: unknown): boolean => {
  if (!isObject(sent) || sent['source'] !== 'aws.cloudwatch') return false
  const { detail } = sent
  if (!isObject(detail) || !isObject(detail['state'])) return false
  const { previousState, state } = detail
  const before = isObject(previousState) ? previousState['value'] : undefined
  return state['value'] === 'ALARM' && before !== 'ALARM'
}

const isNamed = (sent: unknown): boolean =>
  isObject(sent) &&
  isObject(sent['detail']) &&
  rollback.alarms.some((name) => isObject(sent['detail']) && sent['detail']['alarmName'] === name)

describe('alarm: any input', () => {
  it('parses a transition with a storable time, or nothing', () => {
    fc.assert(
      fc.property(event, (sent) => {
        const transition = parseAlarmEvent(sent, now)
        if (!isTransition(sent)) expect(transition).toBeNull()
        if (transition === null) return
        expect(instantSchema.parse(transition.at)).toBe(transition.at)
        expect(Date.parse(transition.at)).toBeLessThanOrEqual(now.getTime())
        expect([null, 'OK', 'INSUFFICIENT_DATA']).toContain(transition.from)
      }),
      { numRuns: inFull(5000, 2000) },
    )
  })

  it('writes and nudges nothing unless an alarm of an app went to ALARM', async () => {
    await fc.assert(
      fc.asyncProperty(event, async (sent) => {
        const { handle, calls } = createHandler()
        const judged = await handle(sent)
        if (!isTransition(sent) || !isNamed(sent)) expect([judged, calls]).toEqual([[], []])
      }),
      { numRuns: inFull(5000, 2000) },
    )
  })

  it('rolls back for the genuine event', async () => {
    const { handle, calls } = createHandler()
    expect(await handle(genuine)).toEqual([
      { app: 'shop', verdict: { kind: 'take_back', generation: 2, freeze: false } },
    ])
    expect(calls).toEqual(['head', 'alarm', 'nudge'])
  })
})
