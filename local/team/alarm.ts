import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
  type StateValue,
} from '@aws-sdk/client-cloudwatch'
import type { Team } from './team.ts'

/** An alarm on the 5xx of an app. Nothing counts them here: its state is what it is set to. */
export interface TeamAlarm {
  readonly name: string
  set(state: StateValue): Promise<void>
  /** Since when it is in its state, in milliseconds, by its own clock. */
  readSince(): Promise<number>
}

/** Makes the alarm, content so far. It goes on after the team's stack was started again, with another key. */
export const createAlarm = async (team: Pick<Team, 'stack'>, name: string): Promise<TeamAlarm> => {
  const cloudwatch = () => new CloudWatchClient(team.stack.client)
  const set = async (StateValue: StateValue): Promise<void> => {
    const state = { AlarmName: name, StateValue, StateReason: 'set by hand' }
    await cloudwatch().send(new SetAlarmStateCommand(state))
  }
  await cloudwatch().send(
    new PutMetricAlarmCommand({
      AlarmName: name,
      Namespace: 'Landfall/Proxy',
      MetricName: '5xx',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 3,
      DatapointsToAlarm: 2,
      Threshold: 5,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      TreatMissingData: 'notBreaching',
    }),
  )
  await set('OK')
  return {
    name,
    set,
    readSince: async () => {
      const order = new DescribeAlarmsCommand({ AlarmNames: [name] })
      const since = (await cloudwatch().send(order)).MetricAlarms?.[0]?.StateTransitionedTimestamp
      if (since === undefined) throw new Error(`there is no alarm ${name}`)
      return since.getTime()
    },
  }
}
