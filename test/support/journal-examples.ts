import { toReleaseSettings } from '../../src/deployment/app.ts'
import type { Advancing, Ended, Release } from '../../src/deployment/deployment.ts'
import type { Head } from '../../src/deployment/head.ts'
import { createCertificates } from '../../src/journal/certificates.ts'
import { createCommandIndex } from '../../src/journal/commands.ts'
import { createAuditLog } from '../../src/journal/audit-log.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory, toReleaseKey } from '../../src/journal/history.ts'
import { itemKey, releasePrefix, type ItemKey } from '../../src/journal/keys.ts'
import { succeed } from '../../src/kernel/result.ts'
import { createLabels } from '../../src/journal/labels.ts'
import { createTags } from '../../src/journal/tags.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { createRecordSeen } from '../../src/journal/seen.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import type { CarryOrder, CarryProgress } from '../../src/targets/carry.ts'
import { createCarryRecords } from '../../src/journal/carries.ts'
import { createRenewalRequests, createRenewals } from '../../src/journal/renewals.ts'
import { createProxyImages } from '../../src/journal/proxy-images.ts'
import { createHerokuRecords } from '../../src/journal/heroku.ts'
import type { HerokuDeploy, HerokuRelease } from '../../src/targets/heroku/record.ts'
import { createPageAccess } from '../../src/journal/page-access.ts'
import { createFleetScans } from '../../src/journal/fleet-scans.ts'
import type { Item } from '../../src/journal/table.ts'
import {
  AppName,
  Commit,
  DeliveryId,
  Digest,
  Fence,
  Generation,
  InstanceId,
} from '../../src/kernel/id.ts'
import { appOf } from './apps.ts'
import { silent } from './examples.ts'
import type { TestJournal } from './journal-table.ts'
import { renderTarget } from './targets.ts'

const app = AppName.parse('oc-lettings')
const commit = Commit.parse('0123456789abcdef0123456789abcdef01234567')
const digest = Digest.parse(`sha256:${'4f'.repeat(32)}`)
const instance = InstanceId.parse('i-0123456789abcdef0')
const generation = Generation.parse(7)
const fence = Fence.parse(42)
const command = '5c1c1e9a-8a3e-4c39-9f0e-3d8a5a1c2b11'
const deliveryId = DeliveryId.parse('2b1f6a52-5a0e-4a63-8d77-0c6f1f3a9e10')
const receivedAt = '2026-11-20T10:04:12.345Z'

const origin = {
  title: 'Add a search field',
  author: 'Ada Lovelace',
  login: 'ada',
  runUrl: 'https://github.com/acme/oc-lettings/actions/runs/9001',
  compareUrl: null,
} as const

const release: Release = {
  generation,
  revision: commit,
  commit,
  digest,
  secretVersion: 'b1d7a0d4-6c0f-4f2e-9a55-0a8f6c1d2e3f',
  origin,
  settings: toReleaseSettings(
    appOf(app, {
      env: { DEBUG: 'False' },
      secrets: 'landfall/prod/oc-lettings',
      targets: [renderTarget({ token: 'landfall/prod/render' })],
    }),
  ),
  promotedFrom: { app: AppName.parse('oc-lettings-staging'), generation: Generation.parse(41) },
}

const opened = {
  generation,
  kind: 'deploy',
  by: 'github',
  openedAt: '2026-11-20T10:04:13.000Z',
  deadlineAt: '2026-11-20T10:19:13.000Z',
  sentAt: '2026-11-20T10:04:14.000Z',
  release,
  firing: [],
  takesBack: null,
  instances: [
    {
      id: instance,
      target: renderTarget().key,
      wave: 0,
      status: 'pending',
      touched: true,
      retries: 0,
      serving: null,
      reason: null,
      message: null,
    },
  ],
} as const

const deployment: Advancing = {
  ...opened,
  phase: 'advancing',
  isStarted: true,
  intent: {
    purpose: 'deploy',
    target: renderTarget().key,
    instances: [instance],
    fence,
    since: '2026-11-20T10:04:14.000Z',
    at: '2026-11-20T10:04:14.000Z',
    repeated: false,
    operation: command,
    deadlineAt: '2026-11-20T10:12:14.000Z',
    hostSeconds: 300,
  },
  pausedUntil: null,
  message: null,
}

const ended: Ended = {
  ...opened,
  phase: 'ended',
  status: 'failed',
  endedAt: '2026-11-20T10:06:30.000Z',
  reason: 'unhealthy',
  message: null,
  rolledBackBy: null,
}

const head: Head = {
  app,
  version: fence,
  generation,
  deployment,
  releases: [],
  request: null,
  rollback: null,
  freeze: null,
  quarantine: [],
  finished: [],
  alarmsUntil: null,
  notices: [],
  operations: [],
  observed: [
    {
      id: instance,
      target: renderTarget().key,
      generation: Generation.parse(6),
      at: '2026-11-20T09:40:12.000Z',
      tries: 0,
      reason: null,
    },
  ],
  mark: { createdAt: '2026-11-20T10:00:00.000Z', number: 41 },
  poller: { by: 'f3a1', until: '2026-11-20T10:04:44.000Z' },
}

const step = {
  generation,
  instance,
  fence,
  purpose: 'deploy',
  at: '2026-11-20T10:04:21.000Z',
  outcome: 'failed',
  reason: 'unhealthy',
  message: '400, is the host in ALLOWED_HOSTS?',
  steps: [
    { name: 'pull', status: 'succeeded', milliseconds: 1840, reason: null },
    { name: 'check', status: 'failed', milliseconds: 120_000, reason: 'unhealthy' },
  ],
  tail: ['Invalid HTTP_HOST header'],
} as const

const operation = {
  id: 'ticket-42',
  kind: 'freeze',
  by: 'ada',
  at: '2026-11-20T10:10:00.000Z',
} as const

const alarmed = {
  alarm: 'oc-lettings-5xx',
  at: '2026-11-20T10:12:00.000Z',
  from: 'OK',
} as const

const run = {
  kind: 'ci',
  ci: 'github',
  workflow: 'CI',
  workflowId: '.github/workflows/ci.yml',
  runId: '9001',
  runNumber: 41,
  attempt: 1,
  createdAt: '2026-11-20T10:00:00.000Z',
  conclusion: 'success',
  origin,
} as const

const image = {
  kind: 'image',
  tag: 'latest',
  seenAt: '2026-11-20T10:04:12.000Z',
  origin: null,
} as const

const carryOrder: CarryOrder = {
  app,
  image: 'acme/oc-lettings',
  digest,
  registry: null,
  registryRealm: null,
  heroku: 'oc-lettings',
  process: 'web',
  token: 'landfall/prod/heroku',
  release: ['python', 'manage.py', 'migrate'],
}
const carryRun = '7d0c5b52-3f0c-4a53-9a0f-6a1a3c1b9d20'
const carried: CarryProgress = {
  status: 'carried',
  at: '2026-11-20T10:01:00.000Z',
  blobs: 8,
  blobsThere: 8,
  sentBytes: 41_943_040,
  image: Digest.parse(`sha256:${'cc'.repeat(32)}`),
  release: Digest.parse(`sha256:${'dd'.repeat(32)}`),
}

const herokuImages = { image: carried.image, release: carried.release }
const herokuPlace = { app: carryOrder.heroku, process: carryOrder.process }
const herokuDeploy: HerokuDeploy = {
  fence,
  writes: 1,
  begunAt: '2026-11-20T10:00:30.000Z',
  at: '2026-11-20T10:01:02.000Z',
  before: 41,
  quietUntil: null,
  isCancelled: false,
  hasReleaseImage: true,
  images: herokuImages,
  carriedAt: '2026-11-20T10:01:01.000Z',
  mustCarry: false,
  isNewAttempt: false,
  request: { what: 'images', at: '2026-11-20T10:01:02.000Z', to: null },
  version: 42,
  restartedAt: null,
}
const herokuRelease: HerokuRelease = {
  generation,
  digest,
  images: herokuImages,
  id: '01234567-89ab-cdef-0123-456789abcdef',
  version: 42,
  at: '2026-11-20T10:01:20.000Z',
}

const pageSession = {
  hash: '5e'.repeat(32),
  role: 'operate',
  by: 'ada',
  at: '2026-11-20T10:06:00.000Z',
  endsAt: '2026-11-20T22:06:00.000Z',
} as const

const signInLink = {
  ...pageSession,
  hash: '71'.repeat(32),
  at: '2026-11-20T10:05:00.000Z',
  endsAt: '2026-11-20T10:10:00.000Z',
  sessionSeconds: 43_200,
  spentAt: null,
} as const

const writeAll = async ({ table }: TestJournal): Promise<void> => {
  const evidence = createEvidenceJournal(table)
  const revisions = createRevisions(table)
  await evidence.recordEvidence(app, commit, commit, run, receivedAt)
  const revision = await revisions.load(app, commit)
  if (revision === null) throw new Error('no revision')
  await revisions.recordAsked(revision, succeed(digest), '2026-11-20T10:04:12.900Z')
  await evidence.recordEvidence(app, null, null, image, receivedAt)
  await createRecordSeen(table)(app, 'github:push', receivedAt)
  await createRecordSeen(table)(app, 'docker-hub:push', receivedAt)
  const repositories = createRepositories(table)
  await repositories.keep(app, { id: 4711, name: 'acme/oc-lettings', keptAt: receivedAt }, false)
  await repositories.note(app, 4711, { renamed: { name: 'acme/lettings', at: receivedAt } })
  const labelReadAt = '2026-11-20T10:04:12.800Z'
  await createLabels(table).record(app, { digest, commit }, labelReadAt)
  const busy = { reason: 'registry_unavailable', retryAfterSeconds: 60 } as const
  const askedAt = '2026-11-20T10:04:12.900Z'
  await createTags(table).recordAsked(app, { image, pushes: 1, asked: null }, busy, askedAt)
  await evidence.recordReceipt({
    deliveryId,
    source: 'docker-hub',
    senderId: null,
    receivedAt,
    expiresAt: '2026-12-20T10:04:12.345Z',
    bodyHash: '9c'.repeat(32),
    reason: 'recorded',
    parsed: {
      kind: 'image',
      app,
      repository: 'acme/oc-lettings',
      tag: 'latest',
      pushedAt: image.seenAt,
    },
    matches: [{ app, revision: null }],
  })
  await createHeads(table).record(head, 0)
  const history = createHistory(table)
  await history.recordRelease(app, release)
  await history.recordDeployment(app, ended)
  await history.recordSteps(app, [step])
  const auditLog = createAuditLog(table)
  await auditLog.recordOperation(app, operation, { reason: 'exams until Friday' })
  await auditLog.recordAlarm(app, alarmed, { kind: 'take_back', generation, freeze: false })
  await createCommandIndex(table).recordCommand(command, app, '2026-11-20T10:04:14.000Z')
  const der = 'MIIBszCCAVmgAwIBAgIUQ2VydA=='
  const certificate = { instance, der, at: '2026-11-20T09:00:00.000Z' }
  await createCertificates(table, silent).record(certificate, command)
  const asked = { [app]: '2026-11-20T09:40:00.000Z' }
  await createFleetScans(table).record({ online: [instance], asked })
  await createProxyImages(table).recordFirst(proxyImage)
  await createRenewalRequests(table).request(renewal.request)
  await createRenewals(table).record(renewal, 0)
  const carries = createCarryRecords(table)
  await carries.claim(carryOrder, carryRun, carried)
  await carries.record(carryOrder, carryRun, carried)
  const access = createPageAccess(table)
  await access.offer(signInLink)
  await access.recordSession(pageSession)
  const heroku = createHerokuRecords(table)
  await heroku.writeDeploy(herokuPlace, herokuDeploy)
  await heroku.recordRelease(herokuPlace, herokuRelease)
}

const proxyImage = {
  image: 'docker.io/library/haproxy',
  tag: '3.2',
  digest: Digest.parse(`sha256:${'3'.repeat(64)}`),
  at: '2026-11-20T10:04:14.000Z',
}

const renewal = {
  request: { id: 'renewal-1', by: 'ada', at: '2026-11-20T10:30:00.000Z', digest: null },
  image: proxyImage,
  waiting: [],
  asked: null,
  done: [instance],
  ended: {
    at: '2026-11-20T10:31:00.000Z',
    reason: 'deployed',
    message: 'every proxy of 1 instances has the image',
  },
} as const

const keys: Readonly<Record<string, ItemKey>> = {
  Head: itemKey.head(app),
  Revision: itemKey.revision(app, commit),
  Tag: itemKey.tag(app),
  Seen: itemKey.seen(app),
  Repository: itemKey.repository(app),
  Release: toReleaseKey(app, release),
  Deployment: itemKey.deployment(app, generation),
  Step: itemKey.step(app, step),
  Operation: itemKey.operation(app, operation.at, operation.id),
  Alarm: itemKey.alarm(app, alarmed.at, alarmed.alarm),
  Receipt: itemKey.receipt(deliveryId),
  Command: itemKey.command(command),
  Certificate: itemKey.certificate(instance),
  'Fleet scan': itemKey.fleetScan(),
  'Proxy image': itemKey.proxyImage(),
  'Renewal request': itemKey.renewalRequest(),
  Renewal: itemKey.renewal(),
  Carry: itemKey.carry('oc-lettings', 'web'),
  'Sign-in link': itemKey.signInLink(signInLink.hash),
  'Page session': itemKey.pageSession(pageSession.hash),
  'Heroku deploy': itemKey.herokuDeploy(herokuPlace.app, herokuPlace.process),
  'Heroku release': itemKey.herokuRelease(herokuPlace.app, herokuPlace.process, generation),
}

/**
 * One item of every kind, as the code writes it. The head's nonce, new in every write, is fixed, and so is the
 * hash of a release, which every new setting changes.
 */
export const writeExamples = async (journal: TestJournal): Promise<ReadonlyMap<string, Item>> => {
  await writeAll(journal)
  const examples = new Map<string, Item>()
  for (const [name, key] of Object.entries(keys)) {
    const item = { ...(await journal.read(key)) }
    if ('writer' in item) item['writer'] = '7d0c5b52-3f0c-4a53-9a0f-6a1a3c1b9d20'
    if (name === 'Release') item['sk'] = `${releasePrefix(generation)}0123456789abcdef`
    examples.set(name, item)
  }
  return examples
}
