import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { expect, it } from 'vitest'
import { itemKey } from '../../src/journal/keys.ts'
import { createRecordName, createRecordSeen, createSeen } from '../../src/journal/seen.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { AppName } from '../../src/kernel/id.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()

const now = '2026-11-20T10:00:30.000Z'

it('returns no webhook activity for an app without any', async () => {
  expect(await createSeen(journal.table).load(AppName.parse('quiet'))).toEqual({})
})

it('returns the last arrival of each kind, after concurrent writes too', async () => {
  const app = AppName.parse('shop')
  const record = createRecordSeen(journal.table)
  const later = addSeconds(now, 3600)
  await record(app, 'github:push', now)
  await Promise.all([
    record(app, 'github:push', later),
    record(app, 'github:workflow_run', later),
    record(app, 'docker-hub:push', now),
  ])
  expect(await createSeen(journal.table).load(app)).toEqual({
    'github:push': later,
    'github:workflow_run': later,
    'docker-hub:push': now,
  })
})

it('skips webhook activity of another version', async () => {
  const app = AppName.parse('strange')
  const item = { ...itemKey.seen(app), app, schemaVersion: 1, 'seen:gitlab:push': now }
  const damaged = { ...item, 'seen:github:push': 7, 'seen:docker-hub:push': now }
  await journal.table
    .documents()
    .send(new PutCommand({ TableName: journal.table.name, Item: damaged }))
  expect(await createSeen(journal.table).load(app)).toEqual({ 'docker-hub:push': now })
})

const workflowAt = (index: number) =>
  ({ kind: 'workflow', ci: 'github', workflow: `W${index}`, workflowPath: null }) as const

it('returns the names that were recorded, however often and beside what', async () => {
  const app = AppName.parse('named')
  const record = createRecordName(journal.table)
  const branch = { kind: 'branch', branch: 'Main' } as const
  const writes = [workflowAt(1), branch, workflowAt(2), branch, workflowAt(1)]
  await Promise.all(writes.map((name) => record(app, name, false)))
  await createRecordSeen(journal.table)(app, 'github:push', now)
  const { workflows, branches } = await createSeen(journal.table).loadNames(app)
  expect(workflows.map(({ workflow }) => workflow).toSorted()).toEqual(['W1', 'W2'])
  expect(branches).toEqual(['Main'])
  expect(await createSeen(journal.table).load(app)).toEqual({ 'github:push': now })
})

it('keeps twenty names, and twenty more of what landfall.yml has', async () => {
  const app = AppName.parse('many')
  const record = createRecordName(journal.table)
  for (let index = 0; index < 30; index += 1) await record(app, workflowAt(index), false)
  await record(app, workflowAt(99), true)
  const load = async () => (await createSeen(journal.table).loadNames(app)).workflows
  expect(await load()).toHaveLength(21)
  expect(await load()).toContainEqual(workflowAt(99))
  for (let index = 100; index < 130; index += 1) await record(app, workflowAt(index), true)
  expect(await load()).toHaveLength(40)
})

it('returns no names for an app without any, and skips those of another version', async () => {
  const app = AppName.parse('odd')
  const seen = createSeen(journal.table)
  const none = { workflows: [], branches: [] }
  expect(await seen.loadNames(app)).toEqual(none)
  const item = {
    ...itemKey.seen(app),
    app,
    schemaVersion: 1,
    names: new Set(['{"kind":"tag"}', 'x']),
  }
  await journal.table
    .documents()
    .send(new PutCommand({ TableName: journal.table.name, Item: item }))
  expect(await seen.loadNames(app)).toEqual(none)
})
