import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Revision } from '../../src/deployment/revision.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { ItemUnreadable, SchemaVersionUnknown } from '../../src/journal/item.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { fromRevisionItem, toRevisionItem } from '../../src/journal/revision-item.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { AppName, Commit, Digest } from '../../src/kernel/id.ts'
import { later } from '../../src/kernel/foreign.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import { revisions as someRevisions } from '../support/journal-records.ts'
import { useJournal } from '../support/journal-table.ts'
import { inFull } from '../support/size.ts'

const journal = await useJournal()
beforeEach(() => {
  journal.operations.length = 0
})

const app = AppName.parse('oc-lettings')
const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const now = '2026-11-20T10:00:30.000Z'
const push = { kind: 'push', pushedAt: now, origin: null } as const

let count = 0
const newCommit = () => Commit.parse(String((count += 1)).padStart(40, '0'))

const register = async (of: AppName = app): Promise<Revision> => {
  const id = newCommit()
  await createEvidenceJournal(journal.table).recordEvidence(of, id, id, push, now)
  const revision = await createRevisions(journal.table).load(of, id)
  if (revision === null) throw new Error('not registered')
  return revision
}

const reload = (revision: Revision) =>
  createRevisions(journal.table).load(revision.app, revision.id)

describe('a revision', () => {
  it('returns null for an unknown revision', async () => {
    expect(await createRevisions(journal.table).load(app, newCommit())).toBeNull()
  })

  it('reads any revision back as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(someRevisions, async (revision) => {
        const item = toRevisionItem(revision, now)
        const put = new PutCommand({ TableName: journal.table.name, Item: item })
        await journal.table.documents().send(put)
        expect(await reload(revision)).toEqual(revision)
      }),
      { numRuns: inFull(60, 20) },
    )
  })

  it('lets one of two writers of the same version win', async () => {
    const revisions = createRevisions(journal.table)
    const revision = await register()
    const outcomes = await Promise.all([
      revisions.recordStatus(revision, 'superseded', 'superseded', now),
      revisions.recordStatus(revision, 'expired', 'wait_expired', now),
    ])
    expect(outcomes.toSorted()).toEqual(['conflict', 'recorded'])
    const status = outcomes[0] === 'recorded' ? 'superseded' : 'expired'
    expect(await reload(revision)).toMatchObject({ status, version: revision.version + 1 })
  })

  it('does not end a revision that got evidence since it was read', async () => {
    const revision = await register()
    const run = { kind: 'image', tag: 'main', seenAt: now, origin: null } as const
    await createEvidenceJournal(journal.table).recordEvidence(app, revision.id, null, run, now)
    const written = createRevisions(journal.table).recordStatus(revision, 'expired', null, now)
    expect(await written).toBe('conflict')
    expect(await reload(revision)).toMatchObject({ status: 'waiting', image: run })
  })

  it('records the reason that a revision waits for', async () => {
    const revisions = createRevisions(journal.table)
    const revision = await register()
    await revisions.recordStatus(revision, 'waiting', 'evidence_missing', now)
    expect(await reload(revision)).toMatchObject({ status: 'waiting', reason: 'evidence_missing' })
    expect(await revisions.loadWaiting(app)).toContainEqual(await reload(revision))
  })

  it('counts the questions to the registry, and keeps its answer', async () => {
    const revisions = createRevisions(journal.table)
    const revision = await register()
    const busy = { reason: 'registry_unavailable', retryAfterSeconds: 90 } as const
    await revisions.recordAsked(revision, fail(busy), now)
    const once = await reload(revision)
    expect(once).toMatchObject({
      digest: null,
      reason: 'registry_unavailable',
      asked: { at: now, count: 1, retryAt: '2026-11-20T10:02:00.000Z' },
    })
    if (once !== null) await revisions.recordAsked(once, succeed(digest), now)
    expect(await reload(revision)).toMatchObject({
      digest,
      asked: { at: now, count: 2, retryAt: null },
    })
  })

  it('counts the look-ups on GitHub, and keeps their failure until the revision waits again', async () => {
    const revisions = createRevisions(journal.table)
    const revision = await register()
    await revisions.recordLookedUp(revision, later('api.github.com answered 502', 90), now)
    const once = await reload(revision)
    expect(once?.lookedUp).toEqual({
      at: now,
      count: 1,
      retryAt: '2026-11-20T10:02:00.000Z',
      trouble: 'api.github.com answered 502',
    })
    if (once === null) return
    await revisions.recordLookedUp(once, null, now)
    const twice = await reload(revision)
    expect(twice?.lookedUp).toEqual({ at: now, count: 2, retryAt: null, trouble: null })
    if (twice === null) return
    const lacked = ['github workflow CI', 'image']
    await revisions.recordStatus({ ...twice, lacked }, 'expired', 'wait_expired', now)
    expect(await reload(revision)).toMatchObject({ status: 'expired', lacked })
    const image = { kind: 'image', tag: 'main', seenAt: now, origin: null } as const
    await createEvidenceJournal(journal.table).recordEvidence(app, revision.id, null, image, now)
    expect(await reload(revision)).toMatchObject({
      status: 'waiting',
      lookedUp: null,
      lacked: null,
    })
  })

  it('keeps evidence that is newer than an answer of the registry', async () => {
    const revisions = createRevisions(journal.table)
    const revision = await register()
    await revisions.recordStatus(revision, 'waiting', 'evidence_missing', now)
    await revisions.recordAsked(revision, succeed(digest), now)
    expect(await reload(revision)).toMatchObject({ digest: null, asked: null })
  })
})

describe('a revision of an earlier version', () => {
  it('reads a revision of an earlier version, with its missing fields empty', async () => {
    const revision = await register()
    const item = {
      ...toRevisionItem(revision, now),
      reason: 'image_missing',
      asked: { at: now, count: 3 },
    }
    await journal.table
      .documents()
      .send(new PutCommand({ TableName: journal.table.name, Item: item }))
    expect(await reload(revision)).toEqual({
      ...revision,
      reason: 'image_missing',
      asked: { at: now, count: 3, retryAt: null },
    })
  })
})

describe('the waiting revisions of an app', () => {
  it('loads the waiting revisions of the index and of the nudge, each once', async () => {
    const revisions = createRevisions(journal.table)
    const own = AppName.parse('waiting-app')
    const [one, two, over] = [await register(own), await register(own), await register(own)]
    const strange = await register(AppName.parse('waiting-app-staging'))
    await revisions.recordStatus(over, 'superseded', 'superseded', now)
    const found = await revisions.loadOpen(own, [one.id, over.id, strange.id, newCommit()])
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([one.id, two.id]))
    expect(found).toHaveLength(2)
  })

  it('passes a revision over that waits for a person, also when evidence comes, unless it is a red run', async () => {
    const revisions = createRevisions(journal.table)
    const listOpen = () => createHeads(journal.table).listOpen()
    const own = AppName.parse('manual')
    const revision = await register(own)
    expect(await listOpen()).toContain(own)
    await revisions.recordStatus(revision, 'waiting', 'manual', now)
    expect(await listOpen()).not.toContain(own)
    const waiting = [{ id: revision.id, status: 'waiting', reason: 'manual' }]
    expect(await revisions.loadWaiting(own)).toMatchObject(waiting)
    const image = { kind: 'image', tag: 'main', seenAt: now, origin: null } as const
    const redRun = {
      kind: 'ci',
      ci: 'github',
      workflow: 'CI',
      workflowId: null,
      runId: '7',
      runNumber: 7,
      attempt: 1,
      createdAt: now,
      conclusion: 'failure',
      origin: null,
    } as const
    const { recordEvidence } = createEvidenceJournal(journal.table)
    expect(await recordEvidence(own, revision.id, null, push, now)).toBe('unchanged')
    expect(await listOpen()).not.toContain(own)
    expect(await recordEvidence(own, revision.id, null, image, now)).toBe('recorded')
    expect(await listOpen()).not.toContain(own)
    expect(await reload(revision)).toMatchObject({ status: 'waiting', reason: 'manual', image })
    expect(await recordEvidence(own, revision.id, null, redRun, now)).toBe('recorded')
    expect(await listOpen()).toContain(own)
    expect(await reload(revision)).toMatchObject({ status: 'waiting', reason: null })
  })

  it.each([
    ['that is deployed', 'deployed', null],
    ['that waits for a person', 'waiting', 'manual'],
  ] as const)(
    'lists a revision %s from a new hint of its image until its tag was compared',
    async (what, status, reason) => {
      const revisions = createRevisions(journal.table)
      const listOpen = () => createHeads(journal.table).listOpen()
      const own = AppName.parse(`compared-${status}`)
      const revision = await register(own)
      const load = async () => (await reload(revision)) ?? expect.unreachable(what)
      await revisions.recordAsked(revision, succeed(digest), now)
      await revisions.recordStatus(await load(), status, reason, now)
      expect(await listOpen()).not.toContain(own)
      const image = { kind: 'image', tag: 'main', seenAt: now, origin: null } as const
      await createEvidenceJournal(journal.table).recordEvidence(own, revision.id, null, image, now)
      expect(await listOpen()).toContain(own)
      const [open, ...others] = await revisions.loadOpen(own, [])
      expect(open).toMatchObject({ id: revision.id, status, reason, digest, asked: null })
      expect(others).toEqual([])
      await revisions.recordCompared(await load(), null, 90, now)
      expect(await listOpen()).toContain(own)
      const moved = Digest.parse(`sha256:${'b'.repeat(64)}`)
      await revisions.recordCompared(await load(), moved, null, now)
      expect(await listOpen()).not.toContain(own)
      expect(await load()).toMatchObject({ status, reason, digest, moved })
    },
  )

  it('passes no revision over that waits for something else', async () => {
    const own = AppName.parse('automatic')
    const revision = await register(own)
    await createRevisions(journal.table).recordStatus(revision, 'waiting', 'image_missing', now)
    expect(await createHeads(journal.table).listOpen()).toContain(own)
    const image = { kind: 'image', tag: 'main', seenAt: now, origin: null } as const
    await createEvidenceJournal(journal.table).recordEvidence(own, revision.id, null, image, now)
    expect(await reload(revision)).toMatchObject({ reason: 'image_missing', image })
  })

  it('loads all waiting revisions where they take more than one page and batch', async () => {
    const own = AppName.parse('busy-app')
    const all = await Promise.all(Array.from({ length: 120 }, () => register(own)))
    const found = await createRevisions(journal.table).loadWaiting(own)
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set(all.map(({ id }) => id)))
  })
})

describe('an unreadable revision', () => {
  const revision = fc.sample(someRevisions, { numRuns: 1, seed: 3 })[0]
  if (revision === undefined) throw new Error('no sample')
  const key = itemKey.revision(revision.app, revision.id)
  const item = toRevisionItem(revision, now)

  it('names the item and the field of an unreadable revision, never its value', () => {
    const planted = 'hunter2-hunter2'
    const read = () =>
      fromRevisionItem(key, { ...item, status: planted, digest: planted, 'ci:github:CI': planted })
    expect(read).toThrow(ItemUnreadable)
    expect(read).toThrow(`${key.pk} ${key.sk}`)
    for (const field of ['status', 'digest', 'ci.github:CI']) expect(read).toThrow(field)
    expect(read).not.toThrow(planted)
  })

  it('refuses a revision of another schema version by name, also for new evidence', async () => {
    const { push: _, ...rest } = item
    const foreign = { ...rest, schemaVersion: 2, status: 'waiting' }
    expect(() => fromRevisionItem(key, foreign)).toThrow(SchemaVersionUnknown)
    const put = new PutCommand({ TableName: journal.table.name, Item: foreign })
    await journal.table.documents().send(put)
    const { recordEvidence } = createEvidenceJournal(journal.table)
    const write = recordEvidence(revision.app, revision.id, null, push, now)
    await expect(write).rejects.toThrow(SchemaVersionUnknown)
    expect(await journal.read(key)).toEqual(foreign)
  })
})
