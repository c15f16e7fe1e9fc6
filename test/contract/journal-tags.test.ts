import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { createLabels } from '../../src/journal/labels.ts'
import { createTags } from '../../src/journal/tags.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { AppName, Commit, Digest } from '../../src/kernel/id.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()

let app: AppName
let count = 0
beforeEach(() => {
  app = AppName.parse(`shop-${(count += 1)}`)
})

const now = '2026-11-20T10:00:30.000Z'
const commitAt = (index: number) => Commit.parse(String(index).padStart(40, '0'))
const digestAt = (index: number) => Digest.parse(`sha256:${String(index).padStart(64, '0')}`)
const imageAt = (seenAt: string) =>
  ({ kind: 'image', tag: 'latest', seenAt, origin: null }) as const

const announce = (seenAt = now) =>
  createEvidenceJournal(journal.table).recordEvidence(app, null, null, imageAt(seenAt), now)

describe('the labels of images', () => {
  it('returns no labels where none was read', async () => {
    expect(await createLabels(journal.table).load(app)).toEqual([])
  })

  it('keeps labels with and without a commit, newest first', async () => {
    const labels = createLabels(journal.table)
    await labels.record(app, { digest: digestAt(1), commit: commitAt(1) }, now)
    await labels.record(app, { digest: digestAt(2), commit: null }, addSeconds(now, 1))
    expect(await labels.load(app)).toMatchObject([
      { digest: digestAt(2), commit: null },
      { digest: digestAt(1), commit: commitAt(1) },
    ])
  })

  it('keeps all labels that are written concurrently', async () => {
    const labels = createLabels(journal.table)
    const all = Array.from({ length: 8 }, (_, index) => ({
      digest: digestAt(index),
      commit: commitAt(index),
    }))
    await Promise.all(all.map((label) => labels.record(app, label, now)))
    expect(await labels.load(app)).toHaveLength(8)
  })

  it('keeps the fifty newest labels', async () => {
    const labels = createLabels(journal.table)
    for (let index = 0; index < 53; index += 1)
      await labels.record(
        app,
        { digest: digestAt(index), commit: commitAt(index) },
        addSeconds(now, index),
      )
    const kept = await labels.load(app)
    expect(kept).toHaveLength(50)
    expect(kept[0]).toMatchObject({ commit: commitAt(52) })
    expect(kept.at(-1)).toMatchObject({ commit: commitAt(3) })
  })

  it('keeps labels beside the hint without changing it', async () => {
    const labels = createLabels(journal.table)
    const label = { digest: digestAt(1), commit: commitAt(1) }
    await labels.record(app, label, now)
    expect(await createTags(journal.table).load(app)).toBeNull()
    expect(await createHeads(journal.table).listOpen()).not.toContain(app)
    expect(await announce()).toBe('recorded')
    expect(await createTags(journal.table).load(app)).toEqual({
      image: imageAt(now),
      pushes: 1,
      asked: null,
    })
    expect(await labels.load(app)).toMatchObject([label])
  })
})

describe('a pushed tag', () => {
  const missing = { reason: 'image_missing', retryAfterSeconds: null } as const

  /** The hint as it stands open. */
  const readHint = async () => {
    const hint = await createTags(journal.table).load(app)
    if (hint === null) throw new Error('there is no open hint')
    return hint
  }

  it('records how often the registry failed to answer for a tag, and when to ask again', async () => {
    const tags = createTags(journal.table)
    await announce()
    const busy = { reason: 'registry_unavailable', retryAfterSeconds: 60 } as const
    await tags.recordAsked(app, await readHint(), busy, now)
    const hint = await readHint()
    expect(hint.asked).toEqual({ at: now, count: 1, retryAt: addSeconds(now, 60) })
    await tags.recordAsked(app, hint, missing, now)
    expect((await readHint()).asked).toEqual({ at: now, count: 2, retryAt: null })
  })

  it('lets a new push of a tag be looked up at once', async () => {
    const tags = createTags(journal.table)
    await announce()
    const first = await readHint()
    await tags.recordAsked(app, first, missing, now)
    const newer = addSeconds(now, 5)
    await announce(newer)
    const fresh = { image: imageAt(newer), pushes: 2, asked: null }
    expect(await tags.load(app)).toEqual(fresh)
    await tags.recordAsked(app, first, missing, now)
    expect(await tags.load(app)).toEqual(fresh)
  })

  it('closes a tag that was looked up', async () => {
    const tags = createTags(journal.table)
    await announce()
    await tags.settle(app, await readHint())
    expect(await tags.load(app)).toBeNull()
    expect(await journal.read(itemKey.tag(app))).not.toHaveProperty('open')
  })

  it('looks a tag up twice that was pushed twice within a second', async () => {
    const tags = createTags(journal.table)
    await announce()
    await tags.settle(app, await readHint())
    expect(await announce()).toBe('recorded')
    expect(await readHint()).toEqual({ image: imageAt(now), pushes: 2, asked: null })
    expect(await createHeads(journal.table).listOpen()).toContain(app)
  })

  it('keeps a tag open that is pushed again within a second while the registry is asked', async () => {
    const tags = createTags(journal.table)
    await announce()
    const first = await readHint()
    await announce()
    await tags.settle(app, first)
    await tags.recordAsked(app, first, missing, now)
    expect(await readHint()).toEqual({ image: imageAt(now), pushes: 2, asked: null })
  })

  it('ignores an older push of a tag that arrives late', async () => {
    const tags = createTags(journal.table)
    await announce()
    await tags.settle(app, await readHint())
    expect(await announce(addSeconds(now, -1))).toBe('unchanged')
    expect(await tags.load(app)).toBeNull()
  })

  it('looks up and closes a tag without a count of pushes', async () => {
    const tags = createTags(journal.table)
    await announce()
    const uncounted = new UpdateCommand({
      TableName: journal.table.name,
      Key: itemKey.tag(app),
      UpdateExpression: 'REMOVE pushes',
    })
    await journal.table.documents().send(uncounted)
    await tags.recordAsked(app, await readHint(), missing, now)
    const hint = await readHint()
    expect(hint).toMatchObject({ pushes: 0, asked: { count: 1 } })
    await announce()
    await tags.settle(app, hint)
    expect(await readHint()).toMatchObject({ pushes: 1 })
    await tags.settle(app, await readHint())
    expect(await tags.load(app)).toBeNull()
  })
})
