import * as z from 'zod'
import { createHookSecrets } from '../src/aws/secrets-manager.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createDescribeHooks } from '../src/delivery/describe-hooks.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { answerForAny } from '../src/rollout/operator.ts'

/** `npx sls invoke -f hooks -d '{"app":"shop"}'`; without an app, all of them. */
const HooksEvent = z.strictObject({ app: z.string().optional() })

const compose = (log: Log) => {
  const { sources, apps } = loadConfiguration()
  const { API_URL: apiUrl } = readEnvironment(environments.hooks)
  const secrets = createHookSecrets(sources, log)
  return { apps, describeHooks: createDescribeHooks({ sources, apps, apiUrl, secrets }) }
}

export const handler = lambda('hooks', compose, (services, input) =>
  answerForAny(HooksEvent, input, services, (app, _input, { describeHooks }) => describeHooks(app)),
)
