/**
 * The time of the functions and of the alarms: that of the machine until it is told to pass. Commands, secrets
 * and instances keep the machine's own.
 */
export interface AccountClock {
  readonly now: () => Date
  /** How far it is ahead of the machine's. */
  readonly aheadMilliseconds: () => number
  readonly pass: (seconds: number) => void
}

export const createAccountClock = (): AccountClock => {
  let ahead = 0
  return {
    now: () => new Date(Date.now() + ahead),
    aheadMilliseconds: () => ahead,
    pass: (seconds) => void (ahead += seconds * 1000),
  }
}
