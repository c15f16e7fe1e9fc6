import { buildCommand, buildRouteMap } from '@stricli/core'
import type { GlobalFlags } from '../desk.ts'
import {
  atDesk,
  globalFlags,
  off,
  onStage,
  oneApp,
  optional,
  watchFlag,
  type CliContext,
} from '../flags.ts'
import { parseText } from '../parsers.ts'
import { renderCompletion, shells, type CompletionShell } from '../verbs/completion.ts'
import { listKeys, setKeys, type SetFlags } from '../verbs/config.ts'
import { doctor, type DoctorFlags } from '../verbs/doctor.ts'

export const config = buildRouteMap({
  docs: { brief: "Names of an app's keys, and setting secrets" },
  defaultCommand: 'list',
  routes: {
    list: buildCommand<GlobalFlags, [string?], CliContext>({
      docs: { brief: 'Names of the keys of env and secret, never values' },
      parameters: { flags: globalFlags, positional: oneApp },
      func: onStage((session, _flags: object, app?: string) => listKeys(session, app)),
    }),
    set: buildCommand<GlobalFlags & SetFlags, string[], CliContext>({
      docs: { brief: 'Set keys of the secret; values are typed, or come from stdin or a file' },
      parameters: {
        flags: {
          ...globalFlags,
          ...watchFlag,
          fromFile: optional('KEY=VALUE lines or JSON', 'file'),
          deploy: { kind: 'boolean', optional: true, brief: 'Deploy afterwards; else it is asked' },
        },
        positional: {
          kind: 'array',
          parameter: { brief: 'App and keys', parse: parseText, placeholder: 'app KEY' },
        },
      },
      func: onStage((session, flags: SetFlags, ...names: string[]) =>
        setKeys(session, flags, names),
      ),
    }),
  },
})

export const helping = {
  doctor: buildCommand<GlobalFlags & DoctorFlags, [string?], CliContext>({
    docs: {
      brief: "Check the set-up: credentials, stage, each app, and the team's own repository",
    },
    parameters: {
      flags: {
        ...globalFlags,
        repository: optional("The team's repository; else this directory", 'folder'),
        strict: off('Warnings count as problems'),
      },
      positional: oneApp,
    },
    func: onStage((session, flags: DoctorFlags, app?: string) => doctor(session, flags, app)),
  }),
  completion: buildCommand<GlobalFlags, [CompletionShell], CliContext>({
    docs: { brief: 'A script that completes commands in a shell' },
    parameters: {
      flags: globalFlags,
      positional: {
        kind: 'tuple',
        parameters: [
          {
            brief: 'bash, zsh or fish',
            parse: (text: string): CompletionShell => {
              const shell = shells.find((one) => one === text)
              if (shell === undefined) throw new Error(`there is ${shells.join(', ')}`)
              return shell
            },
            placeholder: 'shell',
          },
        ],
      },
    },
    func: atDesk(async (_desk, terminal, _flags: object, shell: CompletionShell) => {
      terminal.print(renderCompletion(shell))
      return 0
    }),
  }),
}
