import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type CompositeAlarm,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch'
import { toInstant } from '../kernel/clock.ts'
import { lazy } from '../kernel/lazy.ts'
import type { ReadAlarms } from '../rollout/ports.ts'
import { inPortions, inTime, read, readPages } from './client.ts'

const createAlarmsClient = () => new CloudWatchClient({})

/** The alarms of these names that exist. */
const describeAlarms = async (client: CloudWatchClient, names: readonly string[]) => {
  const readPortion = (portion: readonly string[]) =>
    readPages<MetricAlarm | CompositeAlarm>(async (token) => {
      const order = new DescribeAlarmsCommand({
        AlarmNames: [...portion],
        // CloudWatch answers with composite alarms only if they are asked for.
        AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
        MaxRecords: 100,
        NextToken: token,
      })
      const {
        MetricAlarms = [],
        CompositeAlarms = [],
        NextToken: next,
      } = await read('cloudwatch:DescribeAlarms', () => client.send(order, inTime()))
      return { items: [...MetricAlarms, ...CompositeAlarms], next }
    })
  return (await Promise.all(inPortions(names).map(readPortion))).flat()
}

/** One that fires does so since its last change of state, not of its numbers. */
export const createReadAlarms = (create = createAlarmsClient): ReadAlarms => {
  const client = lazy(create)
  return async (names) => {
    const alarms = await describeAlarms(client(), names)
    return alarms.flatMap((alarm) => {
      const since = alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp
      if (alarm.AlarmName === undefined) return []
      const isFiring = alarm.StateValue === 'ALARM' && since !== undefined
      return [{ alarm: alarm.AlarmName, at: isFiring ? toInstant(since) : null }]
    })
  }
}

/** The states of the alarms of these names: `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
export const createAlarmStates = (create = createAlarmsClient) => {
  const client = lazy(create)
  return async (names: readonly string[]) => {
    const alarms = await describeAlarms(client(), names)
    return alarms.map(({ AlarmName: name = '', StateValue: state = '' }) => ({ name, state }))
  }
}
