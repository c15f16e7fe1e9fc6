import { toEvent } from '../aws/event-bus.ts'
import { toArn, type Account } from '../aws/account.ts'
import type { Runner } from './runner.ts'

export interface Schedule {
  readonly ruleName: string
  readonly seconds: number
  readonly functionName: string
  /** The constant input that the rule names, in place of the event. */
  readonly input: unknown
}

/** Wakes each function at its rate, and once at the start, so that what a stop left open goes on. */
export const startSchedules = (
  account: Account,
  schedules: readonly Schedule[],
  runner: Runner,
): { stop(): void } => {
  const timers = schedules.map((schedule) => {
    const wake = (): void => {
      const facts = {
        'detail-type': 'Scheduled Event',
        source: 'aws.events',
        resources: [toArn(account, 'events', `rule/${schedule.ruleName}`)],
        detail: {},
      }
      runner.invokeAsync(schedule.functionName, schedule.input ?? toEvent(account, facts))
    }
    wake()
    return setInterval(wake, schedule.seconds * 1000)
  })
  return { stop: () => timers.forEach((timer) => clearInterval(timer)) }
}
