import { describe, expect, it } from 'vitest'
import { receiptLifetimeSeconds } from '../../src/delivery/record.ts'
import { createHead } from '../../src/deployment/head.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { lifetimes } from '../../src/journal/lifetime.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { AppName, Fence } from '../../src/kernel/id.ts'
import { writeExamples } from '../support/journal-examples.ts'
import { readRecordSections } from '../support/journal-page.ts'
import { useJournal } from '../support/journal-table.ts'
import { live } from '../support/core.ts'
import { commitAt } from '../support/examples.ts'
import { createWorld } from '../support/rollout-world.ts'

const journal = await useJournal()
const examples = await writeExamples(journal)
const sections = await readRecordSections()

const day = 86_400
const epoch = (instant: unknown): number => Math.floor(Date.parse(String(instant)) / 1000)

/** Per kind, the time that its lifetime counts from and how long that is. */
const expiring: Readonly<Record<string, readonly [from: string, seconds: number]>> = {
  Deployment: ['endedAt', lifetimes.deployment],
  Step: ['at', lifetimes.step],
  Operation: ['at', lifetimes.operation],
  Alarm: ['at', lifetimes.alarm],
  Receipt: ['receivedAt', receiptLifetimeSeconds],
  Command: ['at', lifetimes.command],
  Certificate: ['at', lifetimes.certificate],
  Carry: ['at', lifetimes.carry],
  'Sign-in link': ['endsAt', lifetimes.signInLink],
  'Page session': ['endsAt', lifetimes.pageSession],
  'Heroku deploy': ['at', lifetimes.herokuDeploy],
  'Heroku release': ['at', lifetimes.herokuRelease],
}
const lasting = [
  'Head',
  'Tag',
  'Seen',
  'Repository',
  'Release',
  'Fleet scan',
  'Proxy image',
  'Renewal request',
  'Renewal',
]

const lifetimeOf = (record: string): string =>
  sections.find(({ name }) => name === record)?.lifetime ?? ''

describe('the lifetime of a record', () => {
  it('states a lifetime for every kind of record', () => {
    const kinds = [...Object.keys(expiring), ...lasting, 'Revision']
    expect(sections.map(({ name }) => name).sort()).toEqual(kinds.sort())
    expect(Object.keys(lifetimes)).toHaveLength(Object.keys(expiring).length)
  })

  it.each(Object.entries(expiring))(
    'the lifetime of a %s is that of docs/journal.md',
    (record, how) => {
      const [from, seconds] = how
      const item = examples.get(record)
      expect(lifetimeOf(record)).toMatch(new RegExp(`^${seconds / day} days from its `))
      expect(Number(item?.['expiresAt']) - epoch(item?.[from])).toBe(seconds)
    },
  )

  it.each(lasting)('a %s does not expire', (record) => {
    expect(lifetimeOf(record)).toBe('for ever')
    expect(examples.get(record)).not.toHaveProperty('expiresAt')
  })

  it('restarts the lifetime of an ended revision with each write, and drops it where it waits again', async () => {
    const app = AppName.parse('shop')
    const id = commitAt(1)
    const evidence = createEvidenceJournal(journal.table)
    const revisions = createRevisions(journal.table)
    const { runOf } = createWorld({ instances: 1 })
    const read = async () => (await journal.read(itemKey.revision(app, id)))?.['expiresAt']
    const end = async (now: string) => {
      const revision = await revisions.load(app, id)
      if (revision !== null) await revisions.recordStatus(revision, 'refused', 'ci_failed', now)
    }
    const days = lifetimes.endedRevision / day
    expect(lifetimeOf('Revision')).toContain(`${days} days from the last write`)
    const hear = (attempt: number, conclusion: 'success' | 'failure') =>
      evidence.recordEvidence(
        app,
        id,
        id,
        runOf(1, attempt, conclusion),
        '2026-11-20T10:00:00.000Z',
      )
    await hear(1, 'failure')
    expect(await read()).toBeUndefined()
    for (const now of ['2026-11-20T10:00:01.000Z', '2026-11-21T10:00:01.000Z']) {
      await end(now)
      expect(await read()).toBe(epoch(now) + lifetimes.endedRevision)
    }
    await hear(2, 'success')
    expect(await read()).toBeUndefined()
  })

  it('keeps the live release and the one before it, however long nothing is deployed', async () => {
    const heads = createHeads(journal.table)
    const app = AppName.parse('quiet')
    const { releases } = live(1, 5)
    await heads.record({ ...createHead(app), releases, version: Fence.parse(1) }, 0)
    const item = await journal.read(itemKey.head(app))
    expect(JSON.stringify(item)).not.toContain('expiresAt')
    expect((await heads.load(app)).releases).toEqual(releases)
  })
})
