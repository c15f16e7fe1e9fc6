import * as z from 'zod'
import { createReadFiring } from '../aws/alarms.ts'
import { createFleet } from '../aws/fleet.ts'
import { createSecretReader, type ReadSecret } from '../aws/secrets-manager.ts'
import { createCommands } from '../aws/ssm-commands.ts'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import { createChronicle } from '../journal/chronicle.ts'
import { createCertificates } from '../journal/certificates.ts'
import { createCommandIndex } from '../journal/commands.ts'
import { createEvidenceJournal } from '../journal/evidence.ts'
import { createHeads } from '../journal/heads.ts'
import { createHistory } from '../journal/history.ts'
import { createRevisions } from '../journal/revisions.ts'
import { createLabels } from '../journal/labels.ts'
import { createSeen } from '../journal/seen.ts'
import { createTags } from '../journal/tags.ts'
import { createJournalTable, type JournalTable } from '../journal/table.ts'
import { sleep, systemClock } from '../kernel/clock.ts'
import { AppName, newNonce, RevisionId } from '../kernel/id.ts'
import { http } from '../kernel/http.ts'
import type { Log } from '../kernel/log.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { CommandIndex, Heads } from '../rollout/journal.ts'
import { createReconcile } from '../rollout/reconcile.ts'
import type { Nudge, ReconcilePorts } from '../rollout/ports.ts'
import { createFindEvidence } from './find-evidence.ts'
import { observe } from './observe.ts'
import { createReporters } from './reporters.ts'
import {
  createHasSecretVersion,
  createImages,
  createReadSecretVersion,
  createToTarget,
} from './targets.ts'

/** Whoever wakes reconcile: a nudge naming the app, an SSM invocation event, or the clock. */
const Event = z.union([
  z.object({ app: AppName, revision: RevisionId.nullish() }),
  z.object({ detail: z.object({ 'command-id': z.string() }) }),
  z.object({ 'detail-type': z.literal('Scheduled Event') }),
])
type Event = z.infer<typeof Event>

type Look = Pick<Nudge, 'app' | 'revisions'>

/** Which apps an event is about. */
const findApps = async (
  event: Event,
  { heads, commands }: { heads: Heads; commands: CommandIndex },
): Promise<readonly Look[]> => {
  if ('app' in event) return [{ app: event.app, revisions: event.revision ? [event.revision] : [] }]
  if ('detail' in event) {
    const app = await commands.findApp(event.detail['command-id'])
    return app === null ? [] : [{ app, revisions: [] }]
  }
  return (await heads.listOpen()).map((app) => ({ app, revisions: [] }))
}

/** One app's trouble must not keep the others from being looked at; the first bug is thrown at the end. */
const reportTroubles = (
  log: Log,
  looks: readonly Look[],
  settled: readonly PromiseSettledResult<void>[],
): void => {
  const bugs: unknown[] = []
  for (const [index, one] of settled.entries()) {
    if (one.status === 'fulfilled') continue
    const error: unknown = one.reason
    const app = looks[index]?.app
    if (error instanceof Retryable) {
      log.warn('not now; the clock looks again', { app, why: error.message })
      continue
    }
    log.error('an app could not be looked at', { app, error })
    bugs.push(error)
  }
  if (bugs.length > 0) throw bugs[0]
}

const createRecords = (table: JournalTable) => ({
  heads: createHeads(table),
  commands: createCommandIndex(table),
  revisions: createRevisions(table),
  recordEvidence: createEvidenceJournal(table).recordEvidence,
  tags: createTags(table),
  labels: createLabels(table),
  seen: createSeen(table),
  history: createHistory(table),
  chronicle: createChronicle(table),
})

const createTell = (
  readSecret: ReadSecret,
  { OWNER, STAGE: stage, GITHUB_API: githubApi }: z.output<typeof environments.reconcile>,
): ReconcilePorts['tell'] => {
  const [, region = ''] = OWNER.split('/')
  const reporters = createReporters({ readSecret, region, stage, githubApi })
  return (channel, fact, app) => reporters[channel](fact, app)
}

const composeServices = (log: Log) => {
  const environment = readEnvironment(environments.reconcile)
  const { apps } = loadConfiguration()
  const table = createJournalTable(environment.TABLE_NAME)
  const records = createRecords(table)
  const readSecret = createSecretReader()
  const reconcile = createReconcile({
    ...records,
    images: createImages(readSecret),
    findEvidence: createFindEvidence({
      http,
      readSecret,
      clock: systemClock,
      baseUrl: environment.GITHUB_API,
    }),
    readSecretVersion: createReadSecretVersion(readSecret),
    hasSecretVersion: createHasSecretVersion(readSecret),
    readFiring: createReadFiring(),
    tell: createTell(readSecret, environment),
    toTarget: createToTarget({
      commands: createCommands(),
      fleet: createFleet(),
      certificates: createCertificates(table),
      readSecret,
      environment,
    }),
    clock: systemClock,
    sleep,
    log,
  })
  const { heads, commands } = records
  return { heads, commands, reconcile, apps }
}

/** The handler of `reconcile`. */
export const composeReconcile = (): ((event: unknown) => Promise<void>) =>
  observe('reconcile', (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (event) => {
      services ??= composeServices(log)
      const { heads, commands, reconcile, apps } = services
      const parsed = Event.parse(event)
      const looks = await findApps(parsed, { heads, commands })
      const settled = await Promise.allSettled(
        looks.map(({ app, revisions }) =>
          reconcile({
            app,
            revisions,
            settings: apps.find(({ name }) => name === app) ?? null,
            isTick: 'detail-type' in parsed,
            by: newNonce(),
          }),
        ),
      )
      reportTroubles(log, looks, settled)
    }
  })
