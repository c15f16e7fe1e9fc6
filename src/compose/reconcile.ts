import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { createReadFiring } from '../aws/alarms.ts'
import { createFleet } from '../aws/fleet.ts'
import { createSecretReader } from '../aws/secrets-manager.ts'
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
import { createRollCalls } from '../journal/roll-calls.ts'
import { createSeen } from '../journal/seen.ts'
import { createTags } from '../journal/tags.ts'
import { createJournalTable, type JournalTable } from '../journal/table.ts'
import { sleep, systemClock, toInstant } from '../kernel/clock.ts'
import { AppName, newNonce, RevisionId } from '../kernel/id.ts'
import { http } from '../kernel/http.ts'
import type { Log } from '../kernel/log.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { CommandIndex, Heads } from '../rollout/journal.ts'
import { createReconcile } from '../rollout/reconcile.ts'
import { callRoll, hasInstances, type Attendant } from '../rollout/roll-call.ts'
import type { Fleet } from '../targets/ec2/ports.ts'
import { obstacleOf } from '../targets/ec2/reach.ts'
import type { Nudge, ReconcilePorts } from '../rollout/ports.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'
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

type Look = Pick<Nudge, 'app' | 'revisions' | 'called'>

/** Which apps an event is about. */
const findApps = async (
  event: Event,
  { heads, commands }: { heads: Heads; commands: CommandIndex },
): Promise<readonly Look[]> => {
  if ('app' in event)
    return [{ app: event.app, revisions: event.revision ? [event.revision] : [], called: null }]
  if ('detail' in event) {
    const app = await commands.findApp(event.detail['command-id'])
    return app === null ? [] : [{ app, revisions: [], called: null }]
  }
  return (await heads.listOpen()).map((app) => ({ app, revisions: [], called: null }))
}

/** One app's trouble must not keep the others from being looked at; what is a bug comes back. */
const reportTroubles = (
  log: Log,
  looks: readonly Look[],
  settled: readonly PromiseSettledResult<void>[],
): readonly unknown[] => {
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
  return bugs
}

/** Who is there, from one listing of the stage's instances whatever the number of apps. */
const listPresent = async (fleet: Fleet, stage: string): Promise<readonly Attendant[]> => {
  const listed = await fleet.list({ kind: 'tag', key: 'landfall:stage', value: stage })
  return listed.map((one) => ({ id: one.id, isOnline: obstacleOf(one) === null, tags: one.tags }))
}

type LookAt = (looks: readonly Look[]) => Promise<'looked' | 'troubled'>

/**
 * The minute's look at all instances. What it found is kept only when everybody who is concerned has
 * been looked at: what is cut off is called again.
 */
const callAll = async (
  { apps, fleet, rollCalls, stage, log }: Services,
  lookAt: LookAt,
): Promise<void> => {
  if (!apps.some(hasInstances)) return
  try {
    const [present, last] = await Promise.all([listPresent(fleet, stage), rollCalls.load()])
    const { summons, next } = callRoll(apps, present, last, toInstant(systemClock()))
    const looked = await lookAt(summons.map((one) => ({ ...one, revisions: [] })))
    if (looked === 'looked' && !isDeepStrictEqual(next, last)) await rollCalls.record(next)
  } catch (error) {
    if (!(error instanceof Retryable)) throw error
    log.warn('the roll could not be called now', { why: error.message })
  }
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
  const fleet = createFleet()
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
      fleet,
      certificates: createCertificates(table),
      readSecret,
      environment,
    }),
    clock: systemClock,
    sleep,
    log,
  })
  const { heads, commands } = records
  const rollCalls = createRollCalls(table)
  return { heads, commands, reconcile, apps, fleet, rollCalls, stage: environment.STAGE, log }
}
type Services = ReturnType<typeof composeServices>

/** The handler of `reconcile`. */
export const composeReconcile = (): ((event: unknown) => Promise<void>) =>
  observe('reconcile', (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (event) => {
      services ??= composeServices(log)
      const { reconcile, apps } = services
      const parsed = Event.parse(event)
      const isTick = 'detail-type' in parsed
      const bugs: unknown[] = []
      const lookAt: LookAt = async (looks) => {
        const settled = await Promise.allSettled(
          looks.map((look) => {
            const settings = apps.find(({ name }) => name === look.app) ?? null
            return reconcile({ ...look, settings, isTick, by: newNonce() })
          }),
        )
        bugs.push(...reportTroubles(log, looks, settled))
        return settled.some(({ status }) => status === 'rejected') ? 'troubled' : 'looked'
      }
      await Promise.all([
        findApps(parsed, services).then(lookAt),
        isTick ? callAll(services, lookAt) : null,
      ])
      if (bugs.length > 0) throw bugs[0]
    }
  })
