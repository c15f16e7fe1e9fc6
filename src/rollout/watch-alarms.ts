import { toInstant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import { isWatchOver, judgeAlarm } from '../deployment/alarm.ts'
import type { App } from '../deployment/app.ts'
import { decide } from '../deployment/transition.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/** Handles each of the app's alarms that fires and is not known yet, as its event would be handled. */
const takeFiring = async (
  ports: ReconcilePorts,
  write: WriteHead,
  name: AppName,
  { alarms, windowSeconds }: NonNullable<App['rollback']>,
): Promise<void> => {
  for (const { alarm, at } of await ports.readAlarms(alarms)) {
    if (at === null) continue
    const transition = { alarm, at, from: null }
    const observation = { kind: 'alarmed', transition, windowSeconds } as const
    const head = await ports.heads.load(name)
    const decided = decide(head, observation, toInstant(ports.clock()))
    // Ignored, or handled before.
    if (!decided.ok || decided.value.length === 0) continue
    const verdict = judgeAlarm(head, transition, windowSeconds)
    ports.log.warn('lost alarm event recovered', { app: name, alarm, at })
    await ports.auditLog.recordAlarm(name, transition, verdict)
    await write(head, observation)
  }
}

/**
 * Makes up for a lost alarm event, once a minute while a deployment or an alarm window is open. It never
 * delays a deployment: the next tick reads what this one fails to read.
 */
export const watchAlarms = async (
  ports: ReconcilePorts,
  write: WriteHead,
  { app, settings, isTick }: Nudge,
): Promise<void> => {
  if (!isTick || settings === null || settings.rollback === null) return
  const { deployment, alarmsUntil } = await ports.heads.load(app)
  const isOver = alarmsUntil === null || isWatchOver(alarmsUntil, toInstant(ports.clock()))
  if (deployment === null && isOver) return
  try {
    await takeFiring(ports, write, app, settings.rollback)
  } catch (error) {
    ports.log.warn('failed to read alarms', { app, error: String(error) })
  }
}
