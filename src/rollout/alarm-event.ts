import type { AlarmTransition, Verdict } from '../deployment/observation.ts'
import * as z from 'zod'
import { judgeAlarm } from '../deployment/alarm.ts'
import { decide } from '../deployment/transition.ts'
import { toInstant, type Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { AuditLog } from './journal.ts'
import { nudgeAnyhow, type NudgeServices } from './operator.ts'
import { updateHead, type UpdatePorts } from './update.ts'

/** `CloudWatch Alarm State Change`, the fields that are used. */
const AlarmEvent = z.object({
  source: z.literal('aws.cloudwatch'),
  detail: z.object({
    alarmName: z.string().min(1).max(255),
    state: z.object({ value: z.string(), timestamp: z.string().max(100).optional() }),
    previousState: z.object({ value: z.string() }).optional(),
  }),
})

/** CloudWatch writes `+0000`, which `Date` does not parse. An invalid or future time counts as now. */
const toTime = (text: string | undefined, now: Date): Instant => {
  const time = Date.parse((text ?? '').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
  return toInstant(time >= 0 && time <= now.getTime() ? new Date(time) : now)
}

const quiet = ['OK', 'INSUFFICIENT_DATA'] as const

/** A transition to ALARM; null for any other event, a repetition of ALARM included. */
export const parseAlarmEvent = (event: unknown, now: Date): AlarmTransition | null => {
  const parsed = AlarmEvent.safeParse(event)
  if (!parsed.success) return null
  const { alarmName: alarm, state, previousState } = parsed.data.detail
  if (state.value !== 'ALARM' || previousState?.value === 'ALARM') return null
  const from = quiet.find((one) => one === previousState?.value) ?? null
  return { alarm, at: toTime(state.timestamp, now), from }
}

interface TakeAlarmPorts extends UpdatePorts {
  readonly auditLog: Pick<AuditLog, 'recordAlarm'>
  readonly log: Log
}

/** Judges an alarm's transition for one app, writes the events that follow, and keeps the verdict. */
export const createTakeAlarm =
  (ports: TakeAlarmPorts) =>
  async (app: AppName, transition: AlarmTransition, windowSeconds: number): Promise<Verdict> => {
    const updated = await updateHead(ports, app, (head, now) => {
      const decided = decide(head, { kind: 'alarmed', transition, windowSeconds }, now)
      const value = judgeAlarm(head, transition, windowSeconds)
      return { events: decided.ok ? decided.value : [], value }
    })
    if (updated.kind === 'conflict') throw new Error(`too many conflicts on the head of ${app}`)
    const { value: verdict } = updated
    const { alarm, at } = transition
    ports.log.info('alarm judged', { app, alarm, at, verdict })
    await ports.auditLog.recordAlarm(app, transition, verdict)
    return verdict
  }

interface Judged {
  readonly app: AppName
  readonly verdict: Verdict
}

const createJudge =
  (ports: TakeAlarmPorts & NudgeServices, takeAlarm = createTakeAlarm(ports)) =>
  async (app: AppName, transition: AlarmTransition, windowSeconds: number): Promise<Judged> => {
    let isIgnored = false
    try {
      const verdict = await takeAlarm(app, transition, windowSeconds)
      isIgnored = verdict.kind === 'ignored'
      return { app, verdict }
    } catch (error) {
      ports.log.error('failed to judge alarm', { app, error })
      throw error
    } finally {
      // After a failure too: the head may have been written before it.
      if (!isIgnored) await nudgeAnyhow(ports, app)
    }
  }

/** Judges an alarm's event for each app that names the alarm. A failure for one app stops no other. */
export const createJudgeAlarmEvent = (ports: TakeAlarmPorts & NudgeServices) => {
  const judge = createJudge(ports)
  return async (event: unknown): Promise<readonly Judged[]> => {
    const transition = parseAlarmEvent(event, ports.clock())
    if (transition === null) {
      ports.log.warn('event ignored, not a transition to ALARM')
      return []
    }
    const settled = await Promise.allSettled(
      ports.apps.flatMap(({ name, rollback }) =>
        rollback?.alarms.includes(transition.alarm) === true
          ? [judge(name, transition, rollback.windowSeconds)]
          : [],
      ),
    )
    const failed = settled.find((one) => one.status === 'rejected')
    // Lambda retries the event.
    if (failed !== undefined) {
      const error: unknown = failed.reason
      throw error
    }
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }
}
