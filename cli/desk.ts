import type { Aws } from './aws.ts'
import type { Context, Surroundings } from './context.ts'
import type { Terminal } from './terminal.ts'

/** What a command has of the machine that it runs on. */
export interface Desk extends Surroundings {
  readonly openTerminal: (wishes: {
    readonly isQuiet: boolean
    readonly hasColour: boolean
  }) => Terminal
  readonly openAws: (
    context: Context,
    askMfaCode: (serial: string) => Promise<string>,
  ) => Promise<Aws>
  /** The line that a person types. */
  readonly ask: (question: string) => Promise<string>
  /** The same, without showing it. */
  readonly askHidden: (question: string) => Promise<string>
  /** All of stdin. */
  readonly readInput: () => Promise<string>
  /** The names in a folder; none where there is no such folder. */
  readonly listFiles: (directory: string) => readonly string[]
  readonly now: () => number
  readonly wait: (milliseconds: number) => Promise<void>
  readonly every: (milliseconds: number, act: () => void) => () => void
  readonly newId: () => string
  /** The lines with which a command leaves what goes on without it, by Ctrl-C or when its time is over. */
  readonly leaveWith: (lines: readonly string[]) => void
  /** Ends the command with exit code 4 after so many seconds. */
  readonly endAfter: (seconds: number) => void
}

/** The flags of every command. */
export interface GlobalFlags {
  readonly stage?: string
  readonly region?: string
  readonly profile?: string
  readonly app?: string
  readonly json: boolean
  readonly yes: boolean
  readonly timeout?: number
  readonly color: boolean
  readonly quiet: boolean
}
