import { buildCommand } from '@stricli/core'
import type { GlobalFlags } from '../desk.ts'
import {
  anApp,
  globalFlags,
  noArguments,
  off,
  onStage,
  oneApp,
  optional,
  watchFlag,
  type CliContext,
} from '../flags.ts'
import { parseText } from '../parsers.ts'
import * as act from '../verbs/act.ts'

interface FreezeFlags {
  readonly reason: string
}

interface DigestFlags {
  readonly digest?: string
}

export const acting = {
  deploy: buildCommand<GlobalFlags & act.DeployFlags, [string?, string?], CliContext>({
    docs: { brief: 'Deploy again what is live, or a commit' },
    parameters: {
      flags: {
        ...globalFlags,
        ...watchFlag,
        from: optional('Deploy what is live on this other app', 'app'),
        force: off('Also if frozen, quarantined or without CI'),
      },
      positional: {
        kind: 'tuple',
        parameters: [anApp, { ...anApp, brief: 'Full commit or digest', placeholder: 'sha' }],
      },
    },
    func: onStage((session, flags: act.DeployFlags, first?: string, second?: string) =>
      act.deployApp(session, flags, first, second),
    ),
  }),
  rollback: buildCommand<GlobalFlags & act.RollbackFlags, [string?], CliContext>({
    docs: { brief: 'Take back what is open, or what is live' },
    parameters: {
      flags: { ...globalFlags, ...watchFlag, to: optional('Number, commit or digest', 'release') },
      positional: oneApp,
    },
    func: onStage((session, flags: act.RollbackFlags, app?: string) =>
      act.rollback(session, flags, app),
    ),
  }),
  cancel: buildCommand<GlobalFlags & act.ActFlags, [string?], CliContext>({
    docs: { brief: 'Cancel the open deployment' },
    parameters: { flags: { ...globalFlags, ...watchFlag }, positional: oneApp },
    func: onStage((session, flags: act.ActFlags, app?: string) => act.cancel(session, flags, app)),
  }),
  freeze: buildCommand<GlobalFlags & FreezeFlags, [string?], CliContext>({
    docs: { brief: 'Let nothing go out by itself' },
    parameters: {
      flags: {
        ...globalFlags,
        reason: { kind: 'parsed', parse: parseText, brief: 'Why', placeholder: 'text' },
      },
      positional: oneApp,
    },
    func: onStage((session, { reason }: FreezeFlags, app?: string) =>
      act.freeze(session, reason, app),
    ),
  }),
  unfreeze: buildCommand<GlobalFlags, [string?], CliContext>({
    docs: { brief: 'Let the newest waiting commit go out again' },
    parameters: { flags: globalFlags, positional: oneApp },
    func: onStage((session, _flags: object, app?: string) => act.unfreeze(session, app)),
  }),
  renewProxy: buildCommand<GlobalFlags & DigestFlags, [], CliContext>({
    docs: { brief: "Make the instances' proxies anew" },
    parameters: {
      flags: { ...globalFlags, digest: optional('Of this image', 'sha256') },
      positional: noArguments,
    },
    func: onStage((session, { digest }: DigestFlags) => act.renewProxy(session, digest)),
  }),
}
