import { buildApplication, buildRouteMap, type Application } from '@stricli/core'
import { acting } from './commands/acting.ts'
import { config, helping } from './commands/helping.ts'
import { looking } from './commands/looking.ts'
import type { CliContext } from './flags.ts'

export const createApplication = (currentVersion: string): Application<CliContext> =>
  buildApplication(
    buildRouteMap({
      docs: { brief: 'Landfall: deployments, from a terminal. docs/cli.md' },
      aliases: { redeploy: 'deploy' },
      routes: { ...looking, ...acting, config, ...helping },
    }),
    {
      name: 'landfall',
      versionInfo: { currentVersion },
      scanner: { caseStyle: 'allow-kebab-for-camel' },
      documentation: {
        caseStyle: 'convert-camel-to-kebab',
        disableAnsiColor: true,
        onlyRequiredInUsageLine: true,
      },
    },
  )
