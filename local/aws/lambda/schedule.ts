import { toEvent } from '../event-bus.ts'
import { toArn, type Account } from '../account.ts'
import type { Runner } from './runner.ts'

export interface Schedule {
  readonly ruleName: string
  readonly seconds: number
  readonly functionName: string
  /** The constant input that the rule names, in place of the event. */
  readonly input: unknown
}

export interface Schedules {
  /** All of them come due now; resolves when what they woke has answered. */
  tick(): Promise<void>
  stop(): void
}

const toInput = (account: Account, schedule: Schedule): unknown =>
  schedule.input ??
  toEvent(account, {
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    resources: [toArn(account, 'events', `rule/${schedule.ruleName}`)],
    detail: {},
  })

/**
 * Wakes each function at its rate, and once at the start, so that what a stop left open goes on; where
 * nothing runs by itself (`isRunning` is false), at each `tick` alone.
 */
export const startSchedules = (
  account: Account,
  schedules: readonly Schedule[],
  runner: Runner,
  isRunning: boolean,
): Schedules => {
  const timers = (isRunning ? schedules : []).map((schedule) => {
    const wake = (): void => runner.invokeAsync(schedule.functionName, toInput(account, schedule))
    wake()
    return setInterval(wake, schedule.seconds * 1000)
  })
  return {
    tick: async () => {
      const woken = schedules.map((schedule) =>
        runner.invoke(schedule.functionName, JSON.stringify(toInput(account, schedule))),
      )
      await Promise.all(woken)
    },
    stop: () => timers.forEach((timer) => clearInterval(timer)),
  }
}
