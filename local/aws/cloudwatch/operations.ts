import * as z from 'zod'
import type { JsonFile } from '../../base/json-file.ts'
import { toArn, type Account } from '../account.ts'
import type { AccountClock } from '../account-clock.ts'
import type { EventFacts } from '../event-bus.ts'
import { AwsError, operation, paginate, type Operations } from '../operation.ts'
import {
  type AlarmList,
  AlarmState,
  CompositeAlarmSettings,
  MetricAlarmSettings,
  describeAlarm,
  type Alarm,
} from './alarm.ts'
import { toAlarmEvent } from './alarm-event.ts'

const Kind = z.enum(['MetricAlarm', 'CompositeAlarm'])
const DescribeAlarms = z.object({
  AlarmNames: z.array(z.string()).max(100).optional(),
  AlarmNamePrefix: z.string().optional(),
  AlarmTypes: z.array(Kind).default(['MetricAlarm']),
  StateValue: AlarmState.optional(),
  MaxRecords: z.coerce.number().int().min(1).max(100).default(50),
  NextToken: z.string().optional(),
})
const SetAlarmState = z.object({
  AlarmName: z.string(),
  StateValue: AlarmState,
  StateReason: z.string(),
  StateReasonData: z.string().optional(),
})

const unchecked = 'Unchecked: Initial alarm creation'

const toAlarm = (
  account: Account,
  settings: Alarm['settings'],
  previous: Alarm | undefined,
  now: string,
): Alarm => {
  return {
    kind: 'AlarmRule' in settings ? 'CompositeAlarm' : 'MetricAlarm',
    name: settings.AlarmName,
    arn: toArn(account, 'cloudwatch', `alarm:${settings.AlarmName}`),
    configuredAt: now,
    settings,
    state: previous?.state ?? {
      value: 'INSUFFICIENT_DATA',
      reason: unchecked,
      updatedAt: now,
      transitionedAt: now,
    },
  }
}

const matches = (alarm: Alarm, query: z.infer<typeof DescribeAlarms>): boolean =>
  query.AlarmTypes.includes(alarm.kind) &&
  (query.AlarmNames?.includes(alarm.name) ?? true) &&
  alarm.name.startsWith(query.AlarmNamePrefix ?? '') &&
  (query.StateValue ?? alarm.state.value) === alarm.state.value

/** Alarms evaluate no metric here: their state is what `SetAlarmState` says, and a change of it is an event. */
export const createCloudWatchOperations = (
  account: Account,
  file: JsonFile<z.infer<typeof AlarmList>>,
  emit: (facts: EventFacts) => void,
  clock: AccountClock,
): Operations => {
  const now = (): string => clock.now().toISOString()
  const alarms = new Map((file.read() ?? []).map((alarm) => [alarm.name, alarm]))
  const put = (alarm: Alarm): void => {
    alarms.set(alarm.name, alarm)
    file.write([...alarms.values()])
  }
  const configure = (settings: Alarm['settings']): void =>
    put(toAlarm(account, settings, alarms.get(settings.AlarmName), now()))
  const setState = (input: z.infer<typeof SetAlarmState>): void => {
    const alarm = alarms.get(input.AlarmName)
    if (!alarm) throw new AwsError('ResourceNotFound', 'The alarm does not exist.', 404)
    const at = now()
    const changed = alarm.state.value !== input.StateValue
    const state = {
      value: input.StateValue,
      reason: input.StateReason,
      reasonData: input.StateReasonData,
      updatedAt: at,
      transitionedAt: changed ? at : alarm.state.transitionedAt,
    }
    put({ ...alarm, state })
    if (changed) emit(toAlarmEvent({ ...alarm, state }, alarm.state))
  }
  return {
    PutMetricAlarm: operation(MetricAlarmSettings, configure),
    PutCompositeAlarm: operation(CompositeAlarmSettings, configure),
    SetAlarmState: operation(SetAlarmState, setState),
    DescribeAlarms: operation(DescribeAlarms, (query) => {
      const found = [...alarms.values()].filter((alarm) => matches(alarm, query))
      const { page, next } = paginate(found, query.MaxRecords, query.NextToken)
      const of = (kind: Alarm['kind']) =>
        page.filter((alarm) => alarm.kind === kind).map(describeAlarm)
      return {
        MetricAlarms: of('MetricAlarm'),
        CompositeAlarms: of('CompositeAlarm'),
        NextToken: next,
      }
    }),
    DeleteAlarms: operation(z.object({ AlarmNames: z.array(z.string()) }), ({ AlarmNames }) => {
      for (const name of AlarmNames) alarms.delete(name)
      file.write([...alarms.values()])
    }),
  }
}
