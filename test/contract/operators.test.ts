import type { OperatorCommand } from '../../src/deployment/observation.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuditLog } from '../../src/journal/audit-log.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory } from '../../src/journal/history.ts'
import { createRenewals } from '../../src/journal/renewals.ts'
import { createProxyImages } from '../../src/journal/proxy-images.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { Fence, Generation } from '../../src/kernel/id.ts'
import { createOperate } from '../../src/rollout/operate.ts'
import { createLabels } from '../../src/journal/labels.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createSeen } from '../../src/journal/seen.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import { createPlan } from '../../src/rollout/plan.ts'
import { createRedeploy } from '../../src/rollout/redeploy.ts'
import { createStatus } from '../../src/rollout/status.ts'
import { createTakeAlarm } from '../../src/rollout/alarm-event.ts'
import { unlimited } from '../../src/targets/target.ts'
import { appOf, commit } from '../support/apps.ts'
import { live } from '../support/core.ts'
import { openingOf } from '../support/deployments.ts'
import { silent } from '../support/examples.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'

// What the operator functions ask DynamoDB for: their roles (packaging/roles.yml) grant no more.

const app = appOf('shop')
const now = '2026-11-20T10:00:00.000Z'
const clock = () => new Date(now)

let database: TestJournal
beforeEach(async () => {
  database = await startJournal()
  const evidence = createEvidenceJournal(database.table)
  await evidence.recordEvidence(
    app.name,
    commit,
    commit,
    { kind: 'push', pushedAt: now, origin: null },
    now,
  )
  database.operations.length = 0
})
afterEach(() => database.stop())

const asked = (): readonly string[] => [...new Set(database.operations)].toSorted()

it.each([
  { what: 'a request', force: true, ok: true, faults: [] },
  { what: 'a write whose answer is lost', force: true, ok: true, faults: ['answer_lost'] as const },
  { what: 'a refused request', force: false, ok: false, faults: [] },
])('redeploy reads one item, and writes one at a time: $what', async ({ force, ok, faults }) => {
  const ports = { heads: createHeads(database.table), revisions: createRevisions(database.table) }
  await ports.heads.load(app.name)
  database.faults.push(...faults)
  const auditLog = createAuditLog(database.table)
  const redeploy = createRedeploy({ ...ports, auditLog, clock })
  const order = { app, revision: commit, from: null, force, by: 'operator', id: 'request-1' }
  expect(await redeploy(order)).toMatchObject({ ok })
  expect(asked()).toEqual(force ? ['GetItem', 'PutItem'] : ['GetItem'])
})

it('status writes nothing', async () => {
  const { table } = database
  const ports = { heads: createHeads(table), revisions: createRevisions(table) }
  const read = {
    history: createHistory(table),
    seen: createSeen(table),
    repositories: createRepositories(table),
    renewals: createRenewals(table),
    proxyImages: createProxyImages(table),
  }
  const status = createStatus({ stage: 'prod', apps: [app], ...ports, ...read, clock })
  expect(await status([app])).toMatchObject([{ waiting: [{ revision: commit }] }])
  expect(asked()).toEqual(['BatchGetItem', 'GetItem', 'Query'])
})

/** Two releases were live, one after the other; `open`: a third is on its way. */
const write = async (open: boolean, frozen = false): Promise<void> => {
  const two = live(1, 1, 2)
  const core = open ? two.open(openingOf(3, 1)) : two
  const { stored } = frozen ? core.say({ kind: 'freeze', reason: 'exams' }) : core
  const heads = createHeads(database.table)
  await heads.record({ ...stored, app: app.name, version: Fence.parse(1) }, 0)
  database.operations.length = 0
}

const commands: readonly [OperatorCommand, { open: boolean; frozen: boolean }][] = [
  [
    { kind: 'rollback', to: null },
    { open: false, frozen: false },
  ],
  [{ kind: 'cancel' }, { open: true, frozen: false }],
  [
    { kind: 'freeze', reason: 'exams' },
    { open: false, frozen: false },
  ],
  [{ kind: 'unfreeze' }, { open: false, frozen: true }],
]

const order = (command: OperatorCommand) => ({ app: app.name, command, by: 'ada', id: 'request-1' })

const createOperator = () =>
  createOperate({
    heads: createHeads(database.table),
    auditLog: createAuditLog(database.table),
    clock,
  })

describe.each(commands)('%j', (word, { open, frozen }) => {
  const before = frozen ? [{ kind: 'freeze' }] : []

  it.each([
    { what: 'without a fault', faults: [] },
    { what: 'the answer to its write is lost', faults: [null, 'answer_lost'] as const },
    { what: 'its write is lost', faults: [null, 'request_lost'] as const },
    { what: 'the answer to its audit entry is lost', faults: [null, null, 'answer_lost'] as const },
  ])('an operator command reads one item and writes two, each once: $what', async ({ faults }) => {
    await write(open, frozen)
    database.faults.push(...faults)
    expect(await createOperator()(order(word))).toMatchObject({
      ok: true,
      value: { isRepeated: false },
    })
    expect(asked()).toEqual(['GetItem', 'PutItem'])
    const stored = await database.read(itemKey.head(app.name))
    expect(stored).toMatchObject({
      version: 2,
      body: { operations: [{ id: 'request-1' }, ...before] },
    })
    expect(await database.read(itemKey.operation(app.name, now, 'request-1'))).toMatchObject({
      by: 'ada',
      kind: word.kind,
    })
  })

  it('carries out an operator command once under one id', async () => {
    await write(open, frozen)
    const operate = createOperator()
    await operate(order(word))
    const after = await database.read(itemKey.head(app.name))
    expect(await operate(order(word))).toMatchObject({ ok: true, value: { isRepeated: true } })
    expect(await database.read(itemKey.head(app.name))).toEqual(after)
  })
})

it.each<[OperatorCommand, string]>([
  [{ kind: 'rollback', to: Generation.parse(9) }, 'release_unknown'],
  [{ kind: 'cancel' }, 'nothing_open'],
  [{ kind: 'unfreeze' }, 'not_frozen'],
])('a refused %j writes nothing', async (word, reason) => {
  await write(false)
  expect(await createOperator()(order(word))).toEqual({ ok: false, error: reason })
  expect(asked()).toEqual(['GetItem'])
})

const fired = { alarm: 'shop-5xx', at: now, from: 'OK' } as const

const createAlarm = () =>
  createTakeAlarm({
    heads: createHeads(database.table),
    auditLog: createAuditLog(database.table),
    clock,
    log: silent,
  })

it.each([
  { what: 'without a fault', faults: [] },
  { what: 'the answer to its write is lost', faults: [null, 'answer_lost'] as const },
  { what: 'the answer to its audit entry is lost', faults: [null, null, 'answer_lost'] as const },
])('an alarm reads one item and writes two, each once: $what', async ({ faults }) => {
  await write(false)
  database.faults.push(...faults)
  const taken = { kind: 'take_back', generation: 2, freeze: false }
  expect(await createAlarm()(app.name, fired, 1800)).toEqual(taken)
  expect(asked()).toEqual(['GetItem', 'PutItem'])
  expect(await database.read(itemKey.head(app.name))).toMatchObject({
    version: 2,
    body: { rollback: { generation: 2, by: 'alarm shop-5xx' } },
  })
  expect(await database.read(itemKey.alarm(app.name, now, 'shop-5xx'))).toMatchObject({
    verdict: taken,
  })
})

it('an unrelated alarm writes its verdict and no head', async () => {
  await write(false)
  const late = { ...fired, at: '2026-11-20T12:00:00.000Z' }
  expect(await createAlarm()(app.name, late, 1800)).toEqual({
    kind: 'ignored',
    reason: 'alarm_unrelated',
  })
  expect(database.operations).toEqual(['GetItem', 'PutItem'])
  expect(await database.read(itemKey.head(app.name))).toMatchObject({ version: 1 })
})

it('plan writes nothing', async () => {
  const missing = fail({ reason: 'image_missing' as const, retryAfterSeconds: null })
  const { table } = database
  const plan = createPlan({
    stage: 'prod',
    apps: [app],
    heads: createHeads(table),
    revisions: createRevisions(table),
    seen: createSeen(table),
    repositories: createRepositories(table),
    readSecretKeys: async () => succeed([]),
    checkLogin: async () => succeed(null),
    images: {
      findDigest: async () => missing,
      findCommit: async () => missing,
      checkPlatforms: async () => [],
    },
    labels: createLabels(table),
    describeAlarms: async () => [],
    readConcurrency: async () => 1000,
    hooksOf: () => [],
    readSecretVersion: async () => succeed('v1'),
    readAlarms: async () => [],
    toTarget: () => ({
      select: async () => ({ architectures: [], candidates: [], leftOut: null }),
      capacity: async () => unlimited,
      look: async () => ({ plan: () => ({ instances: [], findings: [] }) }),
    }),
    clock,
    log: silent,
  })
  expect(await plan(app, null)).toMatchObject({ revision: { from: 'waiting', id: commit } })
  expect(await plan(app, commit)).toMatchObject({ revision: { from: 'input', id: commit } })
  expect(asked()).toEqual(['BatchGetItem', 'GetItem', 'Query'])
})
