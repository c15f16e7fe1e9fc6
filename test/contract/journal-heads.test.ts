import * as fc from 'fast-check'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { InstanceState } from '../../src/deployment/deployment.ts'
import { createHead, type Head } from '../../src/deployment/head.ts'
import { maxHeadBytes } from '../../src/deployment/head-size.ts'
import { createHeads, HeadTooLarge } from '../../src/journal/heads.ts'
import { ItemUnreadable, SchemaVersionUnknown } from '../../src/journal/item.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { packLists } from '../../src/journal/instance-list.ts'
import { readItems } from '../../src/journal/list.ts'
import { createJournalTable, type Item } from '../../src/journal/table.ts'
import { AppName, Fence, Generation } from '../../src/kernel/id.ts'
import { deployments, heads as someHeads, instanceStates } from '../support/journal-records.ts'
import { useJournal } from '../support/journal-table.ts'
import { inFull } from '../support/size.ts'

const journal = await useJournal()

let count = 0
const newApp = () => AppName.parse(`app-${(count += 1)}`)

const [deployment] = fc.sample(deployments, { numRuns: 1, seed: 7 })
const [instance] = fc.sample(instanceStates, { numRuns: 1, seed: 7 })
if (deployment === undefined || instance === undefined) throw new Error('no sample')

const next = (head: Head, changes: Partial<Head> = {}): Head => ({
  ...head,
  ...changes,
  version: Fence.parse(head.version + 1),
})

beforeEach(() => {
  journal.faults.length = 0
  journal.operations.length = 0
  journal.beforeFault = async () => {}
})

const putItem = async (item: Item) => {
  await journal.table
    .documents()
    .send(new PutCommand({ TableName: journal.table.name, Item: item }))
}

describe('the head of an app', () => {
  it('returns a new head of version 0 where none was written', async () => {
    const app = newApp()
    expect(await createHeads(journal.table).load(app)).toEqual(createHead(app))
  })

  it('reads any head back as it was written', async () => {
    const heads = createHeads(journal.table)
    await fc.assert(
      fc.asyncProperty(someHeads, async (head) => {
        const stored = await heads.load(head.app)
        expect(await heads.record(head, stored.version)).toBe('recorded')
        expect(await heads.load(head.app)).toEqual(head)
      }),
      { numRuns: inFull(60, 20) },
    )
  })

  it('lets one writer only create a head', async () => {
    const heads = createHeads(journal.table)
    const first = next(createHead(newApp()))
    expect(await heads.record(first, 0)).toBe('recorded')
    expect(await heads.record(first, 0)).toBe('conflict')
  })

  it('lets exactly one of many writers of a version win', async () => {
    const heads = createHeads(journal.table)
    const app = newApp()
    await heads.record(next(createHead(app)), 0)
    const head = await heads.load(app)
    const rivals = Array.from({ length: 8 }, (_, index) =>
      next(head, { generation: Generation.parse(index + 10) }),
    )
    const outcomes = await Promise.all(rivals.map((rival) => heads.record(rival, head.version)))
    expect(outcomes.filter((outcome) => outcome === 'recorded')).toHaveLength(1)
    expect(await heads.load(app)).toEqual(rivals[outcomes.indexOf('recorded')])
  })

  it('raises the version by more than one where the head says so', async () => {
    const heads = createHeads(journal.table)
    const head = next(createHead(newApp()))
    await heads.record(head, 0)
    const raised = { ...head, version: Fence.parse(40) }
    expect(await heads.record(raised, head.version)).toBe('recorded')
    expect(await heads.record(next(raised), head.version)).toBe('conflict')
    expect(await heads.record(next(raised), 40)).toBe('recorded')
  })
})

describe('a write whose answer is lost', () => {
  it('reports a write with a lost answer as recorded where the SDK repeats it', async () => {
    const heads = createHeads(journal.table)
    const head = next(createHead(newApp()))
    journal.faults.push('answer_lost')
    expect(await heads.record(head, 0)).toBe('recorded')
    expect(journal.operations).toEqual(['PutItem', 'PutItem', 'GetItem'])
  })

  it('reports a write with a lost answer as recorded where the SDK does not repeat it', async () => {
    const heads = createHeads(journal.connect(1))
    const head = next(createHead(newApp()))
    journal.faults.push('answer_lost')
    expect(await heads.record(head, 0)).toBe('recorded')
    expect(journal.operations).toEqual(['PutItem', 'GetItem'])
  })

  it('reports a conflict where another writer won during a lost write', async () => {
    const app = newApp()
    const rival = next(createHead(app), { generation: Generation.parse(99) })
    journal.faults.push('request_lost')
    journal.beforeFault = async () => {
      await createHeads(journal.connect()).record(rival, 0)
    }
    expect(await createHeads(journal.connect(1)).record(next(createHead(app)), 0)).toBe('conflict')
    expect(await createHeads(journal.table).load(app)).toEqual(rival)
  })

  it('throws the failure of a write that may still arrive', async () => {
    const app = newApp()
    journal.faults.push('request_lost')
    const write = createHeads(journal.connect(1)).record(next(createHead(app)), 0)
    await expect(write).rejects.toThrow()
    expect(await createHeads(journal.table).load(app)).toEqual(createHead(app))
  })
})

describe('the index of what is open', () => {
  it('lists an app from the opening of a deployment to its archiving', async () => {
    const heads = createHeads(journal.table)
    const closed = next(createHead(newApp()))
    await heads.record(closed, 0)
    expect(await heads.listOpen()).not.toContain(closed.app)
    const open = next(closed, { deployment })
    await heads.record(open, closed.version)
    expect(await heads.listOpen()).toContain(closed.app)
    await heads.record(next(open, { deployment: null }), open.version)
    expect(await heads.listOpen()).not.toContain(closed.app)
  })

  it('lists every other app where an entry of the index names none', async () => {
    const heads = createHeads(journal.table)
    const open = { ...createHead(newApp()), deployment }
    await heads.record(next(open), 0)
    const wrong = { pk: `app#${newApp()}`, sk: 'tag', open: 'open', openKey: 'No app#head' }
    await putItem(wrong)
    expect(await heads.listOpen()).toContain(open.app)
    const { pk, sk } = wrong
    await putItem({ pk, sk })
  })

  it('lists an app while a request is neither opened nor refused', async () => {
    const heads = createHeads(journal.table)
    const at = '2026-11-20T10:00:30.000Z'
    const request = { revision: null, promoted: null, force: false, by: 'ada', at }
    const asked = next(createHead(newApp()), { request: { ...request, refusal: null } })
    await heads.record(asked, 0)
    expect(await heads.listOpen()).toContain(asked.app)
    const refused = next(asked, { request: { ...request, refusal: 'nothing_live' } })
    await heads.record(refused, asked.version)
    expect(await heads.listOpen()).not.toContain(asked.app)
  })
})

describe('reads for decisions', () => {
  it('reads single and batched items strongly consistent', async () => {
    const app = newApp()
    journal.consistent.length = 0
    await createHeads(journal.table).load(app)
    await readItems(journal.table, [itemKey.head(app)])
    expect(journal.consistent).toEqual([true, true])
  })
})

describe('a head that cannot be kept or read', () => {
  it('refuses a head above its size limit before sending it', async () => {
    const { release } = deployment
    const releases = Array.from({ length: 5 }, (_, index) => {
      const env = { LARGE: String(index).repeat(maxHeadBytes / 4) }
      return { ...release, settings: { ...release.settings, env } }
    })
    const write = createHeads(journal.table).record(next(createHead(newApp()), { releases }), 0)
    await expect(write).rejects.toThrow(HeadTooLarge)
    expect(journal.operations).toEqual([])
  })

  it('names the item and the fields of an unreadable head, never their values', async () => {
    const app = newApp()
    const heads = createHeads(journal.table)
    await heads.record(next(createHead(app), { deployment }), 0)
    const item = await journal.read(itemKey.head(app))
    const planted = 'hunter2-hunter2'
    const garbage = { ...createHead(app), mark: planted, deployment: { ...deployment, by: 7 } }
    await putItem({ ...item, body: { ...garbage, quarantine: [planted] } })
    const error: unknown = await heads.load(app).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ItemUnreadable)
    expect(String(error)).toContain(`head#${app} head`)
    for (const field of ['body.deployment.by', 'body.mark', 'body.quarantine.0'])
      expect(String(error)).toContain(field)
    expect(String(error)).not.toContain(planted)
  })

  it.each([
    ['what another program packed', Buffer.from('hunter2-hunter2')],
    ['what ends too early', packLists({ instances: [instance], observed: [] }).slice(0, 9)],
    ['a text', 'hunter2-hunter2'],
  ])(
    'names a list of instances that is %s, and nothing of its content',
    async (_what, instances) => {
      const app = newApp()
      const heads = createHeads(journal.table)
      await heads.record(next(createHead(app), { deployment }), 0)
      await putItem({ ...(await journal.read(itemKey.head(app))), instances })
      const error: unknown = await heads.load(app).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ItemUnreadable)
      expect(String(error)).toMatch(new RegExp(`head#${app} head cannot be read: instances \\(`))
      expect(String(error)).not.toContain('hunter2')
    },
  )

  it('names the field of a packed instance that the schema refuses', async () => {
    const app = newApp()
    const heads = createHeads(journal.table)
    const head = next(createHead(app), { deployment, observed: [] })
    await heads.record(head, 0)
    const one = { ...instance, status: 'paused' }
    const instances = packLists({ instances: [z.custom<InstanceState>().parse(one)], observed: [] })
    await putItem({ ...(await journal.read(itemKey.head(app))), instances })
    await expect(heads.load(app)).rejects.toThrow('body.deployment.instances.0.status')
  })

  it('refuses a head of another schema version by name', async () => {
    const app = newApp()
    await putItem({ ...itemKey.head(app), schemaVersion: 2, app, version: 1, body: {} })
    await expect(createHeads(journal.table).load(app)).rejects.toThrow(SchemaVersionUnknown)
  })
})

describe('the table', () => {
  it('connects on first use only, to AWS_ENDPOINT_URL', async () => {
    const table = createJournalTable('landfall-test')
    const before = { ...process.env }
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: journal.endpoint,
      AWS_REGION: 'eu-west-3',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    })
    try {
      const app = newApp()
      expect(await createHeads(table).load(app)).toEqual(createHead(app))
    } finally {
      process.env = before
    }
  })
})
