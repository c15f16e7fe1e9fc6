import { afterEach, beforeEach, expect, it } from 'vitest'
import { createChronicle } from '../../src/journal/chronicle.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory } from '../../src/journal/history.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createSeen } from '../../src/journal/seen.ts'
import { createRedeploy } from '../../src/rollout/redeploy.ts'
import { createStatus } from '../../src/rollout/status.ts'
import { appOf, commit } from '../support/apps.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'

// What the operator functions ask DynamoDB for: their roles (packaging/roles.yml) grant no more.

const app = appOf('shop')
const now = '2026-11-20T10:00:00.000Z'
const clock = () => new Date(now)

let database: TestJournal
beforeEach(async () => {
  database = await startJournal()
  const evidence = createEvidenceJournal(database.table)
  await evidence.recordEvidence(app.name, commit, commit, { kind: 'push', pushedAt: now }, now)
  database.operations.length = 0
})
afterEach(() => database.stop())

const asked = (): readonly string[] => [...new Set(database.operations)].toSorted()

it.each([
  { what: 'a wish', force: true, ok: true, faults: [] },
  { what: 'a wish whose answer is lost', force: true, ok: true, faults: ['answer_lost'] as const },
  { what: 'a wish that is refused', force: false, ok: false, faults: [] },
])('redeploy reads one item, and writes one at a time: $what', async ({ force, ok, faults }) => {
  const ports = { heads: createHeads(database.table), revisions: createRevisions(database.table) }
  await ports.heads.load(app.name)
  database.faults.push(...faults)
  const chronicle = createChronicle(database.table)
  const redeploy = createRedeploy({ ...ports, chronicle, clock })
  const order = { app, revision: commit, force, by: 'operator', id: 'request-1' }
  expect(await redeploy(order)).toMatchObject({ ok })
  expect(asked()).toEqual(force ? ['GetItem', 'PutItem'] : ['GetItem'])
})

it('status writes nothing', async () => {
  const { table } = database
  const ports = { heads: createHeads(table), revisions: createRevisions(table) }
  const read = { history: createHistory(table), seen: createSeen(table) }
  const status = createStatus({ ...ports, ...read, clock })
  expect(await status(app.name, app)).toMatchObject({ waiting: [{ revision: commit }] })
  expect(asked()).toEqual(['BatchGetItem', 'GetItem', 'Query'])
})
