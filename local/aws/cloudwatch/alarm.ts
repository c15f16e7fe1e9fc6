import * as z from 'zod'

export const AlarmState = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA'])
export type AlarmState = z.infer<typeof AlarmState>

/** The Query protocol knows text only, JSON has numbers and booleans. */
const Flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
const Names = z.array(z.string()).optional()

const Actions = z.object({
  AlarmName: z.string().min(1).max(255),
  AlarmDescription: z.string().optional(),
  ActionsEnabled: Flag.default(true),
  OKActions: Names,
  AlarmActions: Names,
  InsufficientDataActions: Names,
})

const Dimensions = z.array(z.object({ Name: z.string(), Value: z.string() })).optional()

/** A metric, or an expression over others, of an alarm that is not on one metric alone. */
const MetricDataQuery = z.object({
  Id: z.string(),
  Expression: z.string().optional(),
  Label: z.string().optional(),
  ReturnData: Flag.default(true),
  MetricStat: z
    .object({
      Metric: z.object({ Namespace: z.string(), MetricName: z.string(), Dimensions }),
      Period: z.coerce.number().int(),
      Stat: z.string(),
    })
    .optional(),
})

export const MetricAlarmSettings = Actions.extend({
  Metrics: z.array(MetricDataQuery).optional(),
  MetricName: z.string().optional(),
  Namespace: z.string().optional(),
  Statistic: z.string().optional(),
  ExtendedStatistic: z.string().optional(),
  Dimensions,
  Period: z.coerce.number().int().optional(),
  Unit: z.string().optional(),
  EvaluationPeriods: z.coerce.number().int(),
  DatapointsToAlarm: z.coerce.number().int().optional(),
  Threshold: z.coerce.number().optional(),
  ComparisonOperator: z.string(),
  TreatMissingData: z.string().optional(),
})
export const CompositeAlarmSettings = Actions.extend({ AlarmRule: z.string() })

const State = z.object({
  value: AlarmState,
  reason: z.string(),
  reasonData: z.string().optional(),
  updatedAt: z.iso.datetime(),
  /** When the value last became another one. */
  transitionedAt: z.iso.datetime(),
})
export type AlarmStateRecord = z.infer<typeof State>

export const Alarm = z.object({
  kind: z.enum(['MetricAlarm', 'CompositeAlarm']),
  name: z.string(),
  arn: z.string(),
  configuredAt: z.iso.datetime(),
  settings: z.union([CompositeAlarmSettings, MetricAlarmSettings]),
  state: State,
})
export type Alarm = z.infer<typeof Alarm>

export const AlarmList = z.array(Alarm)

export const describeAlarm = (alarm: Alarm) => ({
  ...alarm.settings,
  AlarmArn: alarm.arn,
  AlarmConfigurationUpdatedTimestamp: new Date(alarm.configuredAt),
  StateValue: alarm.state.value,
  StateReason: alarm.state.reason,
  StateReasonData: alarm.state.reasonData,
  StateUpdatedTimestamp: new Date(alarm.state.updatedAt),
  StateTransitionedTimestamp: new Date(alarm.state.transitionedAt),
})
