import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { expect, it } from 'vitest'
import { itemKey } from '../../src/journal/keys.ts'
import { createRecordSeen, createSeen } from '../../src/journal/seen.ts'
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
