import { createNudge } from '../src/aws/lambda-nudge.ts'
import { createHookSecrets } from '../src/aws/secrets-manager.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { answerHttp, type ReceiveServices } from '../src/delivery/receive.ts'
import { createFindApps } from '../src/delivery/find-apps.ts'
import { createNoteSeen } from '../src/delivery/seen.ts'
import { createEvidenceJournal } from '../src/journal/evidence.ts'
import { createRepositories } from '../src/journal/repositories.ts'
import { createRecordName, createRecordSeen } from '../src/journal/seen.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { circleci } from '../src/sources/circleci.ts'
import { createDockerHub } from '../src/sources/docker-hub.ts'
import { githubSource } from '../src/sources/github.ts'

const compose = (log: Log): ReceiveServices => {
  const environment = readEnvironment(environments.webhook)
  const configuration = loadConfiguration()
  const table = createJournalTable(environment.TABLE_NAME)
  return {
    sources: {
      github: githubSource,
      circleci,
      'docker-hub': createDockerHub(new Set(configuration.apps.map(({ name }) => name))),
    },
    secrets: createHookSecrets(configuration.sources, log),
    findApps: createFindApps(createRepositories(table), configuration.apps, log),
    journal: createEvidenceJournal(table),
    noteSeen: createNoteSeen(
      { recordSeen: createRecordSeen(table), recordName: createRecordName(table) },
      log,
    ),
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    clock: systemClock,
    log,
  }
}

export const handler = lambda('webhook', compose, (services, event) => answerHttp(event, services))
