import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type CompositeAlarm,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch'
import { toInstant } from '../kernel/clock.ts'
import type { ReadFiring } from '../rollout/ports.ts'
import { inTime, lazy, read, readPages } from './client.ts'

/** Of one call's names, and of one page. */
const mostNames = 100

const readAlarms = (client: CloudWatchClient, names: readonly string[]) =>
  readPages<MetricAlarm | CompositeAlarm>(async (token) => {
    const order = new DescribeAlarmsCommand({
      AlarmNames: [...names],
      // Composite alarms are answered only where they are asked for.
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      StateValue: 'ALARM',
      MaxRecords: mostNames,
      NextToken: token,
    })
    const page = await read(() => client.send(order, inTime()))
    return {
      items: [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])],
      next: page.NextToken,
    }
  })

/** CloudWatch's alarms. Since when one fires is its last change of state, not of its numbers. */
export const createReadFiring = (
  create: () => CloudWatchClient = () => new CloudWatchClient({}),
): ReadFiring => {
  const client = lazy(create)
  return async (names) => {
    const portions = Array.from({ length: Math.ceil(names.length / mostNames) }, (_, index) =>
      names.slice(index * mostNames, (index + 1) * mostNames),
    )
    const alarms = await Promise.all(portions.map((portion) => readAlarms(client(), portion)))
    return alarms.flat().flatMap((alarm) => {
      const since = alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp
      return alarm.AlarmName === undefined || since === undefined
        ? []
        : [{ alarm: alarm.AlarmName, at: toInstant(since) }]
    })
  }
}
