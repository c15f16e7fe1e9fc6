import type { ApplicationContext, FlagParametersForType } from '@stricli/core'
import type { Desk, GlobalFlags } from './desk.ts'
import type { ExitCode } from './exit.ts'
import { parseDuration, parseText } from './parsers.ts'
import { runAtDesk, runCommand, type Session } from './session.ts'
import type { Terminal } from './terminal.ts'

export interface CliContext extends ApplicationContext {
  readonly process: ApplicationContext['process'] & { exitCode?: number | string | null }
  readonly desk: Desk
}

export const optional = (brief: string, placeholder: string) =>
  ({ kind: 'parsed', parse: parseText, optional: true, brief, placeholder }) as const

export const off = (brief: string) =>
  ({ kind: 'boolean', default: false, withNegated: false, brief }) as const

export const globalFlags: FlagParametersForType<GlobalFlags, CliContext> = {
  stage: optional('Stage; else LANDFALL_STAGE, .landfallrc.json', 'name'),
  region: optional('Region; else LANDFALL_REGION, AWS_REGION, .landfallrc.json, profile', 'name'),
  profile: optional('Profile of ~/.aws/config; else AWS_PROFILE, .landfallrc.json', 'name'),
  app: optional('App; else LANDFALL_APP, .landfallrc.json', 'name'),
  json: off("Print the function's answer, and nothing else on stdout"),
  yes: off('Ask nothing'),
  timeout: {
    kind: 'parsed',
    parse: parseDuration,
    optional: true,
    brief: 'Leave with exit code 4 after this time (10m); what runs goes on',
    placeholder: 'time',
  },
  color: { kind: 'boolean', default: true, brief: 'Colours, on a terminal' },
  quiet: off('No progress on stderr'),
}

export const watchFlag = {
  watch: { kind: 'boolean', default: true, brief: 'Watch until the verdict' },
} as const

export const anApp = { brief: 'App', parse: parseText, optional: true, placeholder: 'app' } as const
export const noArguments = { kind: 'tuple', parameters: [] } as const
export const oneApp = { kind: 'tuple', parameters: [anApp] } as const

/** A command on a stage. Its exit code is what the verb answers. */
export const onStage = <Flags, Args extends readonly unknown[]>(
  act: (session: Session, flags: Flags, ...args: Args) => Promise<ExitCode>,
) =>
  async function (this: CliContext, flags: GlobalFlags & Flags, ...args: Args): Promise<void> {
    this.process.exitCode = await runCommand(this.desk, flags, (session) =>
      act(session, flags, ...args),
    )
  }

export const atDesk = <Flags, Args extends readonly unknown[]>(
  act: (desk: Desk, terminal: Terminal, flags: Flags, ...args: Args) => Promise<ExitCode>,
) =>
  async function (this: CliContext, flags: GlobalFlags & Flags, ...args: Args): Promise<void> {
    this.process.exitCode = await runAtDesk(this.desk, flags, (terminal) =>
      act(this.desk, terminal, flags, ...args),
    )
  }
