import { toInstant, type Clock } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { judgeAlarm, type AlarmTransition, type Verdict } from '../deployment/alarm.ts'
import { transition } from '../deployment/transition.ts'
import type { Chronicle, Heads } from './journal.ts'

interface AlarmPorts {
  readonly heads: Heads
  readonly chronicle: Pick<Chronicle, 'recordAlarm'>
  readonly clock: Clock
  readonly log: Log
}

/** Each loss means that somebody else has written the head: judged anew, the verdict may differ. */
const mostConflicts = 20

const takeOnce = async (
  { heads, clock }: AlarmPorts,
  app: AppName,
  alarm: AlarmTransition,
  windowSeconds: number,
): Promise<Verdict | 'conflict'> => {
  const head = await heads.load(app)
  const verdict = judgeAlarm(head, alarm, windowSeconds)
  const observation = { kind: 'alarmed', transition: alarm, windowSeconds } as const
  const step = transition(head, observation, toInstant(clock()))
  if (step.head === head) return verdict
  return (await heads.record(step.head, head.version)) === 'conflict' ? 'conflict' : verdict
}

/** Judges an alarm's transition for one app and writes what follows; what was made of it is kept. */
export const createTakeAlarm =
  (ports: AlarmPorts) =>
  async (app: AppName, alarm: AlarmTransition, windowSeconds: number): Promise<Verdict> => {
    for (let tries = 0; tries < mostConflicts; tries += 1) {
      const verdict = await takeOnce(ports, app, alarm, windowSeconds)
      if (verdict === 'conflict') continue
      ports.log.info('alarm judged', { app, alarm: alarm.alarm, at: alarm.at, verdict })
      await ports.chronicle.recordAlarm(app, alarm, verdict)
      return verdict
    }
    throw new Error(`too many conflicts on the head of ${app}`)
  }
