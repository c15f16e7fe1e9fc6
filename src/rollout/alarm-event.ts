import type { AlarmTransition, Verdict } from '../deployment/observation.ts'
import * as z from 'zod'
import { toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { nudgeAnyhow, type NudgeServices } from './operator.ts'
import type { createTakeAlarm } from './take-alarm.ts'

/** `CloudWatch Alarm State Change`, the fields that are used. */
const AlarmEvent = z.object({
  source: z.literal('aws.cloudwatch'),
  detail: z.object({
    alarmName: z.string().min(1).max(255),
    state: z.object({ value: z.string(), timestamp: z.string().max(100).optional() }),
    previousState: z.object({ value: z.string() }).optional(),
  }),
})

/** CloudWatch writes `+0000`, which no other clock does. A time that is none, or to come, counts as now. */
const toTime = (text: string | undefined, now: Date): Instant => {
  const time = Date.parse((text ?? '').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return toInstant(time >= 0 && time <= now.getTime() ? new Date(time) : now)
}

const sources = ['OK', 'INSUFFICIENT_DATA'] as const

/** A transition to ALARM; null for any other event, one that repeats ALARM among them. */
export const parseAlarmEvent = (event: unknown, now: Date): AlarmTransition | null => {
  const parsed = AlarmEvent.safeParse(event)
  if (!parsed.success) return null
  const { alarmName: alarm, state, previousState } = parsed.data.detail
  if (state.value !== 'ALARM' || previousState?.value === 'ALARM') return null
  const from = sources.find((source) => source === previousState?.value) ?? null
  return { alarm, at: toTime(state.timestamp, now), from }
}

interface Judged {
  readonly app: AppName
  readonly verdict: Verdict
}

/** An app that names the alarm. */
interface Watch {
  readonly app: AppName
  readonly windowSeconds: number
}

/** A failure for one app cuts no other off; the first is thrown at the end, so that the event comes again. */
const judgeEach = async (
  log: Log,
  watches: readonly Watch[],
  judge: (watch: Watch) => Promise<Judged>,
): Promise<readonly Judged[]> => {
  const settled = await Promise.allSettled(watches.map(judge))
  const troubles = settled.flatMap((one, index) => {
    if (one.status === 'fulfilled') return []
    const error: unknown = one.reason
    log.error('an alarm could not be judged', { app: watches[index]?.app, error })
    return [error]
  })
  if (troubles.length > 0) throw troubles[0]
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

interface AlarmEventPorts extends NudgeServices {
  readonly takeAlarm: ReturnType<typeof createTakeAlarm>
  readonly clock: Clock
}

/** Judges an alarm's event for each app that names the alarm, each by itself. */
export const createJudgeAlarmEvent =
  (ports: AlarmEventPorts) =>
  async (event: unknown): Promise<readonly Judged[]> => {
    const { takeAlarm, apps, clock, log } = ports
    const transition = parseAlarmEvent(event, clock())
    if (transition === null) {
      log.warn('an event that is no transition of an alarm to ALARM')
      return []
    }
    const watches = apps.flatMap(({ name: app, rollback }): Watch[] =>
      rollback?.alarms.includes(transition.alarm) === true
        ? [{ app, windowSeconds: rollback.windowSeconds }]
        : [],
    )
    return judgeEach(log, watches, async ({ app, windowSeconds }) => {
      let isIgnored = false
      try {
        const verdict = await takeAlarm(app, transition, windowSeconds)
        isIgnored = verdict.kind === 'ignored'
        return { app, verdict }
      } finally {
        // Also where it failed: the head may have been written before.
        if (!isIgnored) await nudgeAnyhow(ports, app)
      }
    })
  }
