import * as z from 'zod'
import { createHookSecrets } from '../aws/secrets-manager.ts'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import type { Log } from '../kernel/log.ts'
import { describeHooks } from './describe-hooks.ts'
import { observe } from './observe.ts'
import { findApp, parseInput } from './operator.ts'

/** `npx sls invoke -f hooks -d '{"app":"shop"}'`; without an app, all of them. */
const Input = z.strictObject({ app: z.string().optional() })

const composeServices = (log: Log) => {
  const configuration = loadConfiguration()
  return {
    configuration,
    apiUrl: readEnvironment(environments.hooks).API_URL,
    secrets: createHookSecrets(configuration.sources, log),
  }
}

/** The handler of `hooks`: which webhooks to enter where. */
export const composeHooks = (compose = composeServices) =>
  observe('hooks', (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given: unknown) => {
      const input = parseInput(Input, given)
      if (!input.ok) return input.error
      services ??= compose(log)
      const { configuration, apiUrl, secrets } = services
      const { sources, apps } = configuration
      const app = input.value.app === undefined ? null : findApp(configuration, input.value.app)
      if (app?.ok === false) return app.error
      const dockerHub = await secrets.load('docker-hub')
      return describeHooks(app === null ? apps : [app.value], { sources, apiUrl, dockerHub })
    }
  })
