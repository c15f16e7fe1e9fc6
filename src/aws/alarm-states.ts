import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch'
import { inTime, lazy, read, readPages } from './client.ts'

/** An alarm as CloudWatch has it: `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
export interface AlarmState {
  readonly name: string
  readonly state: string
}

/** Of one question. */
const mostNames = 100

const listStates = (client: CloudWatchClient, names: readonly string[]) =>
  readPages<AlarmState>(async (token) => {
    const order = new DescribeAlarmsCommand({
      AlarmNames: [...names],
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
      NextToken: token,
    })
    const page = await read(() => client.send(order, inTime()))
    const alarms = [...(page.MetricAlarms ?? []), ...(page.CompositeAlarms ?? [])]
    const items = alarms.map(({ AlarmName: name = '', StateValue: state = '' }) => ({
      name,
      state,
    }))
    return { items, next: page.NextToken }
  })

/**
 * The states of the alarms of these names, composite ones too, which CloudWatch leaves out unless it
 * is asked for them. What does not exist is left out.
 */
export const createAlarmStates = (
  create: () => CloudWatchClient = () => new CloudWatchClient({}),
): ((names: readonly string[]) => Promise<readonly AlarmState[]>) => {
  const client = lazy(create)
  return async (names) => {
    const states: AlarmState[] = []
    for (let from = 0; from < names.length; from += mostNames)
      states.push(...(await listStates(client(), names.slice(from, from + mostNames))))
    return states
  }
}
