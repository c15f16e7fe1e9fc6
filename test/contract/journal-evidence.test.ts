import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { CiEvidence, Evidence, Revision } from '../../src/deployment/revision.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { lifetimes } from '../../src/journal/lifetime.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createTags } from '../../src/journal/tags.ts'
import { AppName, Commit, Digest } from '../../src/kernel/id.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import { originAt } from '../support/examples.ts'
import { commits, instants, runs } from '../support/journal-records.ts'
import { useJournal } from '../support/journal-table.ts'
import { inFull } from '../support/size.ts'

const journal = await useJournal()
beforeEach(() => {
  journal.operations.length = 0
  journal.faults.length = 0
})

const app = AppName.parse('oc-lettings')
const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const now = '2026-11-20T10:00:30.000Z'
const later = '2026-11-20T11:00:00.000Z'

let count = 0
const newCommit = () => Commit.parse(String((count += 1)).padStart(40, '0'))

const run: CiEvidence = {
  kind: 'ci',
  ci: 'github',
  workflow: 'CI',
  workflowId: '.github/workflows/ci.yml',
  runId: '9001',
  runNumber: 41,
  attempt: 1,
  createdAt: '2026-11-20T10:00:00.000Z',
  conclusion: 'success',
  origin: null,
}
const push: Evidence = { kind: 'push', pushedAt: '2026-11-20T09:59:58.000Z', origin: null }
const missing = fail({ reason: 'image_missing', retryAfterSeconds: null } as const)
const imageAt = (seenAt: string) => ({ kind: 'image', tag: 'main', seenAt, origin: null }) as const

const record = (id: Commit, evidence: Evidence, receivedAt = now) =>
  createEvidenceJournal(journal.table).recordEvidence(app, id, id, evidence, receivedAt)

const load = async (id: Commit): Promise<Revision> => {
  const revision = await createRevisions(journal.table).load(app, id)
  if (revision === null) throw new Error('no such revision')
  return revision
}

const end = async (id: Commit, status: Revision['status'], reason: Revision['reason'] = null) => {
  const written = await createRevisions(journal.table).recordStatus(
    await load(id),
    status,
    reason,
    now,
  )
  expect(written).toBe('recorded')
}

const isListed = async (id: Commit) => {
  const waiting = await createRevisions(journal.table).loadWaiting(app)
  return waiting.some((revision) => revision.id === id)
}

describe('evidence', () => {
  it('creates a waiting revision in one write and no read', async () => {
    const id = newCommit()
    expect(await record(id, run)).toBe('recorded')
    expect(journal.operations).toEqual(['UpdateItem'])
    expect(await load(id)).toEqual({
      app,
      id,
      commit: id,
      status: 'waiting',
      reason: null,
      firstSeenAt: now,
      waitingSince: now,
      ci: { 'github:CI': run },
      push: null,
      image: null,
      digest: null,
      asked: null,
      moved: null,
      lookedUp: null,
      lacked: null,
      version: 1,
    })
  })

  it('adds evidence of another kind in one write, and raises the version', async () => {
    const id = newCommit()
    await record(id, push)
    journal.operations.length = 0
    for (const evidence of [run, { ...run, workflow: 'Lint' }, imageAt(now)])
      expect(await record(id, evidence, later)).toBe('recorded')
    expect(journal.operations).toEqual(['UpdateItem', 'UpdateItem', 'UpdateItem'])
    expect(await load(id)).toMatchObject({
      firstSeenAt: now,
      waitingSince: now,
      push,
      image: imageAt(now),
      ci: { 'github:CI': run, 'github:Lint': { ...run, workflow: 'Lint' } },
      version: 4,
    })
  })

  it('adds evidence of another kind in one write after reconcile wrote the revision', async () => {
    const id = newCommit()
    await record(id, run)
    await createRevisions(journal.table).recordStatus(
      await load(id),
      'waiting',
      'image_missing',
      now,
    )
    journal.operations.length = 0
    for (const evidence of [push, imageAt(now)]) await record(id, evidence)
    expect(journal.operations).toEqual(['UpdateItem', 'UpdateItem'])
  })

  it('changes nothing for duplicate evidence', async () => {
    const id = newCommit()
    for (const evidence of [run, push, imageAt(now)]) await record(id, evidence)
    const before = await journal.read(itemKey.revision(app, id))
    for (const evidence of [run, push, imageAt(now)])
      expect(await record(id, evidence, later)).toBe('unchanged')
    expect(await journal.read(itemKey.revision(app, id))).toEqual(before)
  })

  it('records the same evidence once for concurrent writers', async () => {
    const id = newCommit()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => record(id, run)))
    expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(1)
    expect((await load(id)).version).toBe(1)
  })

  it('keeps evidence of different kinds that is written concurrently', async () => {
    const id = newCommit()
    const facts = [run, { ...run, ci: 'circleci' as const }, push, imageAt(now)]
    expect(await Promise.all(facts.map((fact) => record(id, fact)))).toEqual(
      facts.map(() => 'recorded'),
    )
    expect(await load(id)).toMatchObject({ push, image: imageAt(now), version: 4 })
  })

  it('records evidence once where the answer was lost and the SDK repeated the write', async () => {
    const id = newCommit()
    journal.faults.push('answer_lost')
    await record(id, run)
    expect(await load(id)).toMatchObject({ ci: { 'github:CI': run }, version: 1 })
  })
})

describe('a CI run', () => {
  const nameOf = ({ ci, workflow, workflowId }: CiEvidence) => `${ci}:${workflow} ${workflowId}`
  const newest = (list: readonly CiEvidence[]): CiEvidence | undefined =>
    [...list].sort((a, b) => b.runNumber - a.runNumber || b.attempt - a.attempt)[0]

  it('keeps the newest run and attempt in any order of arrival, with its earliest creation time', async () => {
    const distinct = fc.uniqueArray(runs({ workflows: ['CI', 'Lint'] }), {
      selector: (fact) => `${nameOf(fact)} ${fact.runNumber} ${fact.attempt}`,
      minLength: 1,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(distinct, commits, fc.boolean(), async (facts, id, atOnce) => {
        const write = (fact: CiEvidence) => record(id, fact)
        if (atOnce) await Promise.all(facts.map(write))
        else for (const fact of facts) await write(fact)
        const { ci } = await load(id)
        const kept = new Map(Object.values(ci).map((fact) => [nameOf(fact), fact]))
        const names = new Set(facts.map(nameOf))
        expect(new Set(kept.keys())).toEqual(names)
        expect(Object.keys(ci)).toHaveLength(names.size)
        for (const name of names) {
          const ofWorkflow = facts.filter((fact) => nameOf(fact) === name)
          const winner = newest(ofWorkflow)
          const ofRun = ofWorkflow.filter(({ runNumber }) => runNumber === winner?.runNumber)
          const createdAt = ofRun.map((fact) => fact.createdAt).sort()[0]
          expect(kept.get(name)).toEqual({ ...winner, createdAt })
        }
      }),
      { numRuns: inFull(60, 20) },
    )
  })

  it('keeps the runs of two workflow files of one name apart', async () => {
    const id = newCommit()
    const red = { ...run, conclusion: 'failure' } as const
    const other = {
      ...run,
      workflowId: '.github/workflows/nightly.yml',
      runId: '9100',
      runNumber: 500,
    }
    for (const fact of [red, other]) expect(await record(id, fact)).toBe('recorded')
    expect(Object.values((await load(id)).ci)).toEqual([red, other])
    const green = { ...run, attempt: 2 }
    expect(await record(id, green)).toBe('recorded')
    expect(await record(id, other)).toBe('unchanged')
    expect(Object.values((await load(id)).ci)).toEqual([green, other])
  })

  it('replaces a run that an older version recorded without its file', async () => {
    const id = newCommit()
    await record(id, { ...run, workflowId: null, conclusion: 'failure' })
    expect(await record(id, { ...run, attempt: 2 })).toBe('recorded')
    expect(Object.values((await load(id)).ci)).toEqual([{ ...run, attempt: 2 }])
  })

  it('takes a run that tells no file for one of the recorded file', async () => {
    const id = newCommit()
    await record(id, run)
    expect(await record(id, { ...run, workflowId: null })).toBe('unchanged')
  })

  it('keeps the first 16 workflow files of one name', async () => {
    const id = newCommit()
    for (let file = 0; file < 20; file += 1)
      await record(id, { ...run, workflowId: `.github/workflows/${file}.yml` })
    expect(Object.values((await load(id)).ci)).toHaveLength(16)
  })

  it('adds what a repetition tells of the commit, once', async () => {
    const id = newCommit()
    const origin = originAt(1)
    await record(id, run)
    expect(await record(id, { ...run, origin })).toBe('recorded')
    expect((await load(id)).ci['github:CI']).toEqual({ ...run, origin })
    expect(await record(id, { ...run, origin: originAt(2) })).toBe('unchanged')
    expect(await record(id, run)).toBe('unchanged')
  })

  it.each([
    ['deployed', null],
    ['refused', 'quarantined'],
    ['expired', 'wait_expired'],
    ['waiting', 'manual'],
  ] as const)(
    'adds what a late repetition tells of a commit, which stays %s',
    async (status, reason) => {
      const id = newCommit()
      await record(id, run)
      await end(id, status, reason)
      await record(id, { ...run, origin: originAt(1) }, later)
      expect(await load(id)).toMatchObject({
        status,
        reason,
        ci: { 'github:CI': { origin: originAt(1) } },
      })
    },
  )

  it('ignores an older run and an earlier attempt', async () => {
    const id = newCommit()
    await record(id, { ...run, attempt: 2 })
    const before = await load(id)
    expect(await record(id, run)).toBe('unchanged')
    expect(await record(id, { ...run, runNumber: 40, attempt: 9 })).toBe('unchanged')
    expect(await load(id)).toEqual(before)
  })
})

describe('a push', () => {
  it('keeps the newest push', async () => {
    const id = newCommit()
    await fc.assert(
      fc.asyncProperty(
        commits,
        fc.array(instants, { minLength: 1, maxLength: 4 }),
        async (other, times) => {
          for (const pushedAt of times)
            await record(other, { kind: 'push', pushedAt, origin: null })
          expect((await load(other)).push?.pushedAt).toBe(times.toSorted().at(-1))
        },
      ),
      { numRuns: inFull(20, 8) },
    )
    expect(await record(id, push)).toBe('recorded')
  })
})

describe('a push that tells of its commit', () => {
  const origin = originAt(1)

  it.each([
    [
      'before',
      [
        { ...push, origin },
        { ...push, pushedAt: now },
      ],
    ],
    [
      'after',
      [
        { ...push, pushedAt: now },
        { ...push, origin },
      ],
    ],
    ['at the same time as', [push, { ...push, origin }]],
  ] as const)('is kept where it comes %s one that tells nothing', async (_when, pushes) => {
    const id = newCommit()
    for (const one of pushes) expect(await record(id, one)).toBe('recorded')
    expect((await load(id)).push?.origin).toEqual(origin)
  })
})

describe('an image hint', () => {
  it('counts an image hint as new only where the tag was pushed later', async () => {
    const id = newCommit()
    await record(id, imageAt(now))
    expect(await record(id, imageAt(now), later)).toBe('unchanged')
    expect(await record(id, imageAt(push.pushedAt), later)).toBe('unchanged')
    expect(await record(id, imageAt(later), later)).toBe('recorded')
    expect((await load(id)).image).toEqual(imageAt(later))
  })

  it('forgets what the labels told where the image is pushed again', async () => {
    const id = newCommit()
    await record(id, imageAt(now))
    const revision = await load(id)
    const image = { ...imageAt(now), origin: originAt(1) }
    await createRevisions(journal.table).recordAsked({ ...revision, image }, missing, now)
    await record(id, imageAt(later), later)
    expect((await load(id)).image).toEqual(imageAt(later))
  })

  it('lets the registry be asked at once after an image hint', async () => {
    const revisions = createRevisions(journal.table)
    const id = newCommit()
    await record(id, run)
    for (const seenAt of [now, later]) {
      await revisions.recordAsked(await load(id), missing, now)
      expect((await load(id)).asked).toEqual({ at: now, count: 1, retryAt: null })
      await record(id, imageAt(seenAt))
      expect((await load(id)).asked).toBeNull()
    }
  })

  it('keeps the hint of a tag without a commit open until the registry answered for that push', async () => {
    const { recordEvidence } = createEvidenceJournal(journal.table)
    const tags = createTags(journal.table)
    const other = AppName.parse('by-latest')
    const told = (seenAt: string) => recordEvidence(other, null, null, imageAt(seenAt), now)
    const isOpen = async () =>
      (await createHeads(journal.table).listOpen()).includes(other) &&
      (await tags.load(other)) !== null
    expect(await tags.load(other)).toBeNull()
    expect(await told(now)).toBe('recorded')
    const first = { image: imageAt(now), pushes: 1, asked: null }
    expect(await tags.load(other)).toEqual(first)
    expect(await told(later)).toBe('recorded')
    await tags.settle(other, first)
    expect(await isOpen()).toBe(true)
    await tags.settle(other, { image: imageAt(later), pushes: 2, asked: null })
    expect(await isOpen()).toBe(false)
    expect(await told(now)).toBe('unchanged')
    expect(await isOpen()).toBe(false)
    expect(await journal.read(itemKey.tag(other))).toMatchObject({ image: imageAt(later) })
  })
})

describe('an ended revision', () => {
  it.each(['refused', 'expired'] as const)(
    'a %s revision waits again when CI turns green',
    async (status) => {
      const id = newCommit()
      await record(id, { ...run, conclusion: 'failure' })
      await createRevisions(journal.table).recordAsked(await load(id), succeed(digest), now)
      await end(id, status, 'ci_failed')
      expect(await isListed(id)).toBe(false)
      expect(await record(id, { ...run, attempt: 2 }, later)).toBe('recorded')
      expect(await load(id)).toMatchObject({
        status: 'waiting',
        reason: null,
        firstSeenAt: now,
        waitingSince: later,
        ci: { 'github:CI': { attempt: 2, conclusion: 'success' } },
        digest: null,
        asked: null,
      })
      expect(await isListed(id)).toBe(true)
      expect(await journal.read(itemKey.revision(app, id))).not.toHaveProperty('expiresAt')
    },
  )

  it.each(['refused', 'expired'] as const)(
    'a %s revision stays so after a duplicate webhook',
    async (status) => {
      const id = newCommit()
      await record(id, run)
      await end(id, status)
      expect(await record(id, run, later)).toBe('unchanged')
      expect((await load(id)).status).toBe(status)
    },
  )

  it.each(['deployed', 'superseded'] as const)(
    'a %s revision stays so, and keeps new evidence',
    async (status) => {
      const id = newCommit()
      await record(id, run)
      await end(id, status)
      expect(await record(id, push, later)).toBe('recorded')
      expect(await record(id, { ...run, attempt: 2 }, later)).toBe('recorded')
      expect(await load(id)).toMatchObject({ status, push, ci: { 'github:CI': { attempt: 2 } } })
      expect(await isListed(id)).toBe(false)
    },
  )

  it.each(['deployed', 'superseded'] as const)(
    'a %s revision waits again when the branch is set back to it and CI runs again',
    async (status) => {
      const id = newCommit()
      await record(id, run)
      await end(id, status)
      const anew = { ...run, runId: 'anew', runNumber: run.runNumber + 5, createdAt: later }
      expect(await record(id, anew, later)).toBe('recorded')
      expect(await load(id)).toMatchObject({ status: 'waiting', waitingSince: later, digest: null })
      expect(await isListed(id)).toBe(true)
    },
  )

  it('expires an ended revision 90 days after its last write, and never a waiting one', async () => {
    const id = newCommit()
    await record(id, run)
    expect(await journal.read(itemKey.revision(app, id))).not.toHaveProperty('expiresAt')
    await end(id, 'deployed')
    const expiresAt = Date.parse(now) / 1000 + lifetimes.endedRevision
    expect(await journal.read(itemKey.revision(app, id))).toMatchObject({
      expiresAt: Math.floor(expiresAt),
    })
  })
})
