import { createFindApps, type RepositoryRecords } from '../../src/delivery/find-apps.ts'
import type { ReceiveServices } from '../../src/delivery/receive.ts'
import type { EvidenceJournal, Receipt } from '../../src/delivery/record.ts'
import type { HookRequest } from '../../src/delivery/request.ts'
import type { HookSecrets } from '../../src/delivery/verification.ts'
import type { Configuration } from '../../src/deployment/app.ts'
import type { KnownRepository } from '../../src/deployment/repository.ts'
import type { Evidence } from '../../src/deployment/revision.ts'
import type { AppName, Commit, RevisionId } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { succeed } from '../../src/kernel/result.ts'
import { circleci } from '../../src/sources/circleci.ts'
import { createDockerHub } from '../../src/sources/docker-hub.ts'
import { githubSource } from '../../src/sources/github.ts'
import type { SourceName, SourceSecrets } from '../../src/sources/source.ts'
import { appOf, configurationOf } from './apps.ts'
import { signCircleci } from './circleci-events.ts'
import { silent } from './examples.ts'
import { signGithub } from './github-events.ts'

export const now = '2026-11-20T10:00:30.000Z'
export const githubSecret = 'the secret of the GitHub hook'
export const circleciSecret = 'the secret of the CircleCI hook'
export const dockerHubSecret = 'the secret of the Docker Hub hook'

export const secretsOf = (
  current: string,
  previous: string | null = null,
  currentCreatedAt = '2026-01-01T00:00:00.000Z',
): SourceSecrets => ({
  current: new Redacted(current),
  previous: previous === null ? null : new Redacted(previous),
  currentCreatedAt,
})

export interface RecordedEvidence {
  readonly app: AppName
  readonly revision: RevisionId | null
  readonly commit: Commit | null
  readonly evidence: Evidence
}

const rank = (evidence: Evidence): readonly [number, number] =>
  evidence.kind === 'ci' ? [evidence.runNumber, evidence.attempt] : [0, 0]

const isNewer = (a: Evidence, b: Evidence): boolean => {
  const [run, attempt] = rank(a)
  const [storedRun, storedAttempt] = rank(b)
  return run > storedRun || (run === storedRun && attempt > storedAttempt)
}

/** Keeps the port's promises in memory: the newest run and attempt win, a repetition changes nothing. */
export const createMemoryJournal = () => {
  const evidence = new Map<string, RecordedEvidence>()
  const receipts: Receipt[] = []
  const calls: string[] = []
  const journal: EvidenceJournal = {
    recordEvidence: async (app, revision, commit, fact) => {
      calls.push('evidence')
      const part = fact.kind === 'ci' ? `${fact.ci}:${fact.workflow}` : fact.kind
      const key = `${app} ${revision} ${part}`
      const stored = evidence.get(key)
      if (stored && !isNewer(fact, stored.evidence)) return 'unchanged'
      evidence.set(key, { app, revision, commit, evidence: fact })
      return 'recorded'
    },
    recordReceipt: async (receipt) => {
      calls.push('receipt')
      receipts.push(receipt)
    },
  }
  return { journal, evidence, receipts, calls }
}

/** Keeps the port's promises in memory. */
export const createMemoryRepositories = (): RepositoryRecords => {
  const kept = new Map<AppName, KnownRepository>()
  return {
    load: async (app) => kept.get(app) ?? null,
    keep: async (app, given, isStated) => {
      const before = kept.get(app)
      const isOther = before !== undefined && before.id !== given.id && before.name === given.name
      if (isOther && !isStated) return false
      kept.set(app, { ...given, renamed: null, refused: null })
      return true
    },
    note: async (app, id, noted) => {
      const before = kept.get(app)
      if (before?.id === id) kept.set(app, { ...before, ...noted })
    },
  }
}

const plainSecrets: HookSecrets['load'] = async (source: SourceName) => {
  if (source === 'github') return succeed(secretsOf(githubSecret))
  if (source === 'circleci') return succeed(secretsOf(circleciSecret))
  return succeed(secretsOf(dockerHubSecret))
}

/** The receiving side with nothing of AWS in it, and all that it did for a test to look at. */
export const createReceiving = (
  changes: Partial<ReceiveServices> = {},
  configuration: Configuration = configurationOf(appOf('oc-lettings')),
) => {
  const memory = createMemoryJournal()
  const nudges: string[] = []
  const seen: string[] = []
  const lines: string[] = []
  const services: ReceiveServices = {
    sources: {
      github: githubSource,
      circleci,
      'docker-hub': createDockerHub(new Set(configuration.apps.map(({ name }) => name))),
    },
    secrets: { load: plainSecrets, refresh: plainSecrets },
    findApps: createFindApps(createMemoryRepositories(), configuration.apps, silent),
    journal: memory.journal,
    noteSeen: async (parsed) => {
      seen.push(parsed.kind)
    },
    nudge: async (app, revision) => {
      memory.calls.push('nudge')
      nudges.push(`${app} ${revision}`)
    },
    clock: () => new Date(now),
    log: createLog({}, (line) => lines.push(line)),
    ...changes,
  }
  return { ...memory, nudges, seen, lines, services }
}

export const requestOf = (changes: Partial<HookRequest> = {}): HookRequest => ({
  method: 'POST',
  path: '/hooks/github',
  headers: new Map(),
  body: Buffer.alloc(0),
  ...changes,
})

export const githubRequest = (
  event: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HookRequest => {
  const bytes = Buffer.from(JSON.stringify(body))
  return requestOf({
    body: bytes,
    headers: new Map(
      Object.entries({
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': '11111111-2222-4333-8444-555555555555',
        'x-hub-signature-256': signGithub(githubSecret, bytes),
        ...headers,
      }),
    ),
  })
}

export const circleciRequest = (
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HookRequest => {
  const bytes = Buffer.from(JSON.stringify(body))
  return requestOf({
    path: '/hooks/circleci',
    body: bytes,
    headers: new Map(
      Object.entries({
        'content-type': 'application/json',
        'circleci-event-type': 'workflow-completed',
        'circleci-signature': signCircleci(circleciSecret, bytes),
        ...headers,
      }),
    ),
  })
}

export const dockerHubRequest = (app: string, token: string, body: unknown): HookRequest =>
  requestOf({
    path: `/hooks/docker-hub/${app}/${token}`,
    body: Buffer.from(JSON.stringify(body)),
    headers: new Map([['content-type', 'application/json']]),
  })
