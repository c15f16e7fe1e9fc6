/** What a command ends with (docs/cli.md). */
export const exitCodes = {
  done: 0,
  endedOtherwise: 1,
  usage: 2,
  refused: 3,
  timeout: 4,
  aws: 5,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Ends a command with these lines on stderr. */
export class CommandError extends Error {
  readonly exitCode: ExitCode
  readonly lines: readonly string[]
  /** Whether the same call may succeed in a moment. */
  readonly isPassing: boolean

  constructor(exitCode: ExitCode, lines: readonly string[], isPassing = false) {
    super(lines.join('\n'))
    this.name = 'CommandError'
    this.exitCode = exitCode
    this.lines = lines
    this.isPassing = isPassing
  }
}

export const usageError = (...lines: readonly string[]): CommandError =>
  new CommandError(exitCodes.usage, lines)
