import type { Aws } from './aws.ts'
import { createCall, Refused, type FunctionAnswer, type Call } from './call.ts'
import { requireApp, resolveApp, resolveContext, type Context } from './context.ts'
import type { Desk, GlobalFlags } from './desk.ts'
import { CommandError, exitCodes, usageError, type ExitCode } from './exit.ts'
import { renderJson } from './json.ts'
import type { Terminal } from './terminal.ts'

/** One run of a command. */
export interface Session {
  readonly desk: Desk
  readonly flags: GlobalFlags
  readonly terminal: Terminal
  readonly context: Context
  readonly aws: Aws
  readonly call: Call
}

/** Finds the stage and loads what speaks to AWS. */
const startSession = async (
  desk: Desk,
  flags: GlobalFlags,
  terminal: Terminal,
): Promise<Session> => {
  const context = await resolveContext(flags, desk)
  const askMfaCode = async (serial: string): Promise<string> => {
    if (!terminal.isAsking)
      throw usageError(`the MFA code of ${serial} can be asked for on a terminal only`)
    return desk.ask(`MFA code for ${serial}: `)
  }
  const aws = await desk.openAws(context, askMfaCode)
  const call = createCall(context.stage, (name, input) => aws.invoke(name, input))
  return { desk, flags, terminal, context, aws, call }
}

/** Says on stderr why a command ended; with `--json`, a refusal is the function's answer on stdout. */
const reportFailure = (error: unknown, terminal: Terminal, isJson: boolean): ExitCode => {
  if (!(error instanceof CommandError)) throw error
  if (error instanceof Refused && isJson) terminal.print([renderJson(error.raw)])
  const [first = '', ...rest] = error.lines
  terminal.warn(`landfall: ${first}`)
  for (const line of rest) terminal.warn(`  ${line}`)
  return error.exitCode
}

/** Runs a command that needs no stage. */
export const runAtDesk = async (
  desk: Desk,
  flags: GlobalFlags,
  act: (terminal: Terminal) => Promise<ExitCode>,
): Promise<ExitCode> => {
  const terminal = desk.openTerminal({ isQuiet: flags.quiet, hasColour: flags.color })
  try {
    if (flags.timeout !== undefined) desk.endAfter(flags.timeout)
    return await act(terminal)
  } catch (error) {
    return reportFailure(error, terminal, flags.json)
  }
}

/** Runs a command on a stage; what it throws becomes its exit code. */
export const runCommand = (
  desk: Desk,
  flags: GlobalFlags,
  act: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> =>
  runAtDesk(desk, flags, async (terminal) => act(await startSession(desk, flags, terminal)))

/** The app that is named, or null. */
export const findAppOf = ({ desk, flags }: Session, argument: string | undefined): string | null =>
  resolveApp({ argument, flag: flags.app }, desk)

export const appOf = ({ desk, flags }: Session, argument: string | undefined): string =>
  requireApp({ argument, flag: flags.app }, desk)

/** Prints an answer: with `--json` exactly as it came. */
export const printAnswer = <Value>(
  { terminal, flags }: Session,
  { raw, answer }: FunctionAnswer<Value>,
  render: (answer: Value) => readonly string[],
): ExitCode => {
  terminal.print(flags.json ? [renderJson(raw)] : render(answer))
  return exitCodes.done
}

/** Asks on a terminal; elsewhere the flag `--yes` is the answer. */
export const confirm = async ({ desk, flags, terminal }: Session, what: string): Promise<void> => {
  if (flags.yes) return
  if (!terminal.isAsking)
    throw usageError(`${what} has to be confirmed`, 'this is no terminal: add --yes')
  const typed = await desk.ask(`${what}? [y/N] `)
  if (!/^y(es)?$/i.test(typed.trim())) throw usageError('nothing was done')
}
