import type * as z from 'zod'
import type { EventFacts } from '../event-bus.ts'
import type { Alarm, AlarmStateRecord, MetricAlarmSettings } from './alarm.ts'

/** CloudWatch writes `2019-10-02T17:04:40.989+0000` here, not `Z`. */
const toEventTime = (instant: string): string => instant.replace(/Z$/, '+0000')

const toState = (state: AlarmStateRecord) => ({
  value: state.value,
  reason: state.reason,
  ...(state.reasonData === undefined ? {} : { reasonData: state.reasonData }),
  timestamp: toEventTime(state.updatedAt),
})

type Dimensions = readonly { readonly Name: string; readonly Value: string }[] | undefined
const toDimensions = (dimensions: Dimensions): Readonly<Record<string, string>> =>
  Object.fromEntries((dimensions ?? []).map(({ Name, Value }) => [Name, Value]))

type Query = NonNullable<z.infer<typeof MetricAlarmSettings>['Metrics']>[number]
const toMetric = ({ Id, Expression, Label, ReturnData, MetricStat }: Query) => ({
  id: Id,
  expression: Expression,
  label: Label,
  metricStat: MetricStat && {
    metric: {
      namespace: MetricStat.Metric.Namespace,
      name: MetricStat.Metric.MetricName,
      dimensions: toDimensions(MetricStat.Metric.Dimensions),
    },
    period: MetricStat.Period,
    stat: MetricStat.Stat,
  },
  returnData: ReturnData,
})

const toConfiguration = ({ settings }: Alarm): Readonly<Record<string, unknown>> => {
  const description =
    settings.AlarmDescription === undefined ? {} : { description: settings.AlarmDescription }
  if ('AlarmRule' in settings) return { ...description, alarmRule: settings.AlarmRule }
  if (settings.Metrics !== undefined)
    return { ...description, metrics: settings.Metrics.map(toMetric) }
  const dimensions = toDimensions(settings.Dimensions)
  const metric = { namespace: settings.Namespace, name: settings.MetricName, dimensions }
  const metricStat = { metric, period: settings.Period, stat: settings.Statistic }
  return { ...description, metrics: [{ id: 'm1', metricStat, returnData: true }] }
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html */
export const toAlarmEvent = (alarm: Alarm, previous: AlarmStateRecord): EventFacts => ({
  'detail-type': 'CloudWatch Alarm State Change',
  source: 'aws.cloudwatch',
  resources: [alarm.arn],
  detail: {
    alarmName: alarm.name,
    configuration: toConfiguration(alarm),
    previousState: toState(previous),
    state: toState(alarm.state),
  },
})
