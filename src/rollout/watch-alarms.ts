import { toInstant } from '../kernel/clock.ts'
import { isWatchOver, judgeAlarm } from '../deployment/alarm.ts'
import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import { decide } from '../deployment/transition.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

const isWatched = (head: Head, now: string): boolean =>
  head.deployment !== null || (head.alarmsUntil !== null && !isWatchOver(head.alarmsUntil, now))

/** What fires and is not known yet is taken as an event would be. */
const takeFiring = async (
  ports: ReconcilePorts,
  write: WriteHead,
  app: App,
  windowSeconds: number,
): Promise<void> => {
  const firing = await ports.readFiring(app.rollback?.alarms ?? [])
  for (const { alarm, at } of firing) {
    const transition = { alarm, at, from: null }
    const observation = { kind: 'alarmed', transition, windowSeconds } as const
    const head = await ports.heads.load(app.name)
    // Ignored, or taken in before.
    const decided = decide(head, observation, toInstant(ports.clock()))
    if (!decided.ok || decided.value.length === 0) continue
    const verdict = judgeAlarm(head, transition, windowSeconds)
    ports.log.warn('lost alarm event recovered', { app: app.name, alarm, at })
    await ports.auditLog.recordAlarm(app.name, transition, verdict)
    await write(head, observation)
  }
}

/**
 * Makes a lost alarm event good, once a minute while a deployment or a window is open. It never stands
 * in a deployment's way: what cannot be read now is read by the next tick.
 */
export const watchAlarms = async (
  ports: ReconcilePorts,
  write: WriteHead,
  { settings: app, isTick }: Nudge,
): Promise<void> => {
  if (!isTick || app === null || app.rollback === null) return
  const head = await ports.heads.load(app.name)
  if (!isWatched(head, toInstant(ports.clock()))) return
  try {
    await takeFiring(ports, write, app, app.rollback.windowSeconds)
  } catch (error) {
    ports.log.warn('failed to read alarms', { app: app.name, error: String(error) })
  }
}
