import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  type CompositeAlarm,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch'
import { toInstant } from '../kernel/clock.ts'
import { lazy } from '../kernel/lazy.ts'
import type { ReadFiring } from '../rollout/ports.ts'
import { inTime, read, readPages } from './client.ts'

/** An alarm as CloudWatch has it: `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
export interface AlarmState {
  readonly name: string
  readonly state: string
}

type CreateAlarmsClient = () => CloudWatchClient

const createAlarmsClient: CreateAlarmsClient = () => new CloudWatchClient({})

/** Of one call's names, and of one page. */
const mostNames = 100

const readPortion = (client: CloudWatchClient, names: readonly string[], state?: 'ALARM') =>
  readPages<MetricAlarm | CompositeAlarm>(async (token) => {
    const order = new DescribeAlarmsCommand({
      AlarmNames: [...names],
      // Composite alarms are answered only where they are asked for.
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      StateValue: state,
      MaxRecords: mostNames,
      NextToken: token,
    })
    const page = await read(() => client.send(order, inTime()))
    return {
      items: [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])],
      next: page.NextToken,
    }
  })

/** What does not exist is left out. */
const readAlarms = async (client: CloudWatchClient, names: readonly string[], state?: 'ALARM') => {
  const portions = Array.from({ length: Math.ceil(names.length / mostNames) }, (_, index) =>
    names.slice(index * mostNames, (index + 1) * mostNames),
  )
  const alarms = await Promise.all(portions.map((portion) => readPortion(client, portion, state)))
  return alarms.flat()
}

/** The alarms that fire. Since when one does is its last change of state, not of its numbers. */
export const createReadFiring = (create: CreateAlarmsClient = createAlarmsClient): ReadFiring => {
  const client = lazy(create)
  return async (names) => {
    const alarms = await readAlarms(client(), names, 'ALARM')
    return alarms.flatMap((alarm) => {
      const since = alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp
      return alarm.AlarmName === undefined || since === undefined
        ? []
        : [{ alarm: alarm.AlarmName, at: toInstant(since) }]
    })
  }
}

/** The states of the alarms of these names, whatever they are. */
export const createAlarmStates = (
  create: CreateAlarmsClient = createAlarmsClient,
): ((names: readonly string[]) => Promise<readonly AlarmState[]>) => {
  const client = lazy(create)
  return async (names) => {
    const alarms = await readAlarms(client(), names)
    return alarms.map(({ AlarmName: name = '', StateValue: state = '' }) => ({ name, state }))
  }
}
