import { buildCommand } from '@stricli/core'
import type { GlobalFlags } from '../desk.ts'
import { globalFlags, onStage, oneApp, optional, type CliContext } from '../flags.ts'
import { parseLimit, parseText } from '../parsers.ts'
import * as look from '../verbs/look.ts'
import { watch } from '../verbs/watch.ts'

interface HistoryFlags {
  readonly number: number
}

interface RevisionFlags {
  readonly revision?: string
}

export const looking = {
  status: buildCommand<GlobalFlags, [string?], CliContext>({
    docs: { brief: 'What is live, open and waiting' },
    parameters: { flags: globalFlags, positional: oneApp },
    func: onStage((session, _flags: object, app?: string) => look.status(session, app)),
  }),
  history: buildCommand<GlobalFlags & HistoryFlags, [string?], CliContext>({
    docs: { brief: 'The deployments of an app, the newest first' },
    parameters: {
      flags: {
        ...globalFlags,
        number: {
          kind: 'parsed',
          parse: parseLimit,
          default: '20',
          brief: 'How many',
          placeholder: 'n',
        },
      },
      aliases: { n: 'number' },
      positional: oneApp,
    },
    func: onStage((session, { number }: HistoryFlags, app?: string) =>
      look.history(session, number, app),
    ),
  }),
  show: buildCommand<GlobalFlags, [string, string?], CliContext>({
    docs: { brief: 'One deployment, with its steps and the last lines of a failure' },
    parameters: {
      flags: globalFlags,
      positional: {
        kind: 'tuple',
        parameters: [
          {
            brief: 'App, or the number where the app is known',
            parse: parseText,
            placeholder: 'app',
          },
          { brief: 'Number', parse: parseText, optional: true, placeholder: 'number' },
        ],
      },
    },
    func: onStage((session, _flags: object, first: string, second?: string) =>
      look.showDeploymentOf(session, first, second),
    ),
  }),
  watch: buildCommand<GlobalFlags & RevisionFlags, [string?], CliContext>({
    docs: { brief: 'Show what is open, or what becomes of a commit, until it has ended' },
    parameters: {
      flags: { ...globalFlags, revision: optional('Wait for this commit or digest', 'sha') },
      positional: oneApp,
    },
    func: onStage((session, { revision }: RevisionFlags, app?: string) =>
      watch(session, revision, app),
    ),
  }),
  plan: buildCommand<GlobalFlags & RevisionFlags, [string?], CliContext>({
    docs: { brief: 'What a deployment would do, and what prevents it' },
    parameters: {
      flags: { ...globalFlags, revision: optional('Of this commit or digest', 'sha') },
      positional: oneApp,
    },
    func: onStage((session, { revision }: RevisionFlags, app?: string) =>
      look.plan(session, revision, app),
    ),
  }),
  hooks: buildCommand<GlobalFlags, [string?], CliContext>({
    docs: { brief: 'The webhooks to enter at GitHub, CircleCI and Docker Hub' },
    parameters: { flags: globalFlags, positional: oneApp },
    func: onStage((session, _flags: object, app?: string) => look.hooks(session, app)),
  }),
}
