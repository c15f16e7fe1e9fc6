import type { AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { judgeAlarm } from '../deployment/alarm.ts'
import { decide } from '../deployment/transition.ts'
import type { AlarmTransition, Verdict } from '../deployment/observation.ts'
import type { AuditLog } from './journal.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface TakeAlarmPorts extends UpdatePorts {
  readonly auditLog: Pick<AuditLog, 'recordAlarm'>
  readonly log: Log
}

const toDecideAlarm =
  (alarm: AlarmTransition, windowSeconds: number): Decide<Verdict> =>
  (head, now) => {
    const decided = decide(head, { kind: 'alarmed', transition: alarm, windowSeconds }, now)
    return {
      events: decided.ok ? decided.value : [],
      value: judgeAlarm(head, alarm, windowSeconds),
    }
  }

/** Judges an alarm's transition for one app and writes what follows; what was made of it is kept. */
export const createTakeAlarm =
  (ports: TakeAlarmPorts) =>
  async (app: AppName, alarm: AlarmTransition, windowSeconds: number): Promise<Verdict> => {
    const updated = await updateHead(ports, app, toDecideAlarm(alarm, windowSeconds))
    if (updated.kind === 'conflict') throw new Error(`too many conflicts on the head of ${app}`)
    const verdict = updated.value
    ports.log.info('alarm judged', { app, alarm: alarm.alarm, at: alarm.at, verdict })
    await ports.auditLog.recordAlarm(app, alarm, verdict)
    return verdict
  }
