import { createNudge } from '../aws/lambda-nudge.ts'
import { createHookSecrets } from '../aws/secrets-manager.ts'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import { healthy, type HookResponse } from '../delivery/answer.ts'
import { isHealthCheck } from '../delivery/limits.ts'
import { receive, type ReceiveServices } from '../delivery/receive.ts'
import { toRequest } from '../delivery/request.ts'
import { createNoteSeen } from '../delivery/seen.ts'
import { createEvidenceJournal } from '../journal/evidence.ts'
import { createRecordSeen } from '../journal/seen.ts'
import { createJournalTable } from '../journal/table.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { circleci } from '../sources/circleci.ts'
import { createDockerHub } from '../sources/docker-hub.ts'
import { github } from '../sources/github.ts'
import { observe } from './observe.ts'

const composeServices = (log: Log): ReceiveServices => {
  const environment = readEnvironment(environments.webhook)
  const configuration = loadConfiguration()
  const table = createJournalTable(environment.TABLE_NAME)
  return {
    configuration,
    sources: {
      github,
      circleci,
      'docker-hub': createDockerHub(new Set(configuration.apps.map(({ name }) => name))),
    },
    secrets: createHookSecrets(configuration.sources, log),
    journal: createEvidenceJournal(table),
    noteSeen: createNoteSeen(createRecordSeen(table), configuration.apps, log),
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    clock: systemClock,
    log,
  }
}

/** The handler of `webhook`. Its services are made by the first delivery and kept; a failure is not. */
export const composeWebhook = (
  compose: (log: Log) => ReceiveServices = composeServices,
): ((event: unknown) => Promise<HookResponse>) =>
  observe('webhook', (log) => {
    let services: ReceiveServices | null = null
    return async (event: unknown) => {
      const request = toRequest(event)
      if (isHealthCheck(request)) return healthy
      services ??= compose(log)
      return receive(request, services)
    }
  })
