import { readdir, readFile } from 'node:fs/promises'
import { DeleteItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createCarryRecords } from '../../src/journal/carries.ts'
import { createCertificates } from '../../src/journal/certificates.ts'
import { createCommandIndex } from '../../src/journal/commands.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { releaseSchema } from '../../src/journal/head-schema.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory } from '../../src/journal/history.ts'
import { SchemaVersionUnknown } from '../../src/journal/item.ts'
import { unpackLists } from '../../src/journal/instance-list.ts'
import { createLabels } from '../../src/journal/labels.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createHerokuRecords } from '../../src/journal/heroku.ts'
import { createPageAccess } from '../../src/journal/page-access.ts'
import { createFleetScans } from '../../src/journal/fleet-scans.ts'
import { createRenewals } from '../../src/journal/renewals.ts'
import { createProxyImages } from '../../src/journal/proxy-images.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { createRecordName, createRecordSeen, createSeen } from '../../src/journal/seen.ts'
import { toItemKey, type Item } from '../../src/journal/table.ts'
import { createTags } from '../../src/journal/tags.ts'
import { AppName, Digest, Generation, InstanceId, RevisionId } from '../../src/kernel/id.ts'
import { CarryOrder } from '../../src/targets/carry.ts'
import type { Heads } from '../../src/rollout/journal.ts'
import { plainly } from '../support/calls.ts'
import { silent } from '../support/examples.ts'
import { readRecordSections } from '../support/journal-page.ts'
import { useJournal } from '../support/journal-table.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import { letItSettle } from '../support/runs.ts'

/*
 * test/contract/records/v1 holds items as versions of Landfall wrote them, as `aws dynamodb get-item`
 * prints them.
 */
const folder = new URL('records/v1/', import.meta.url)
const files = (await readdir(folder)).sort()

type Raw = Record<string, AttributeValue>
const Raw = z.custom<Raw>((value) => typeof value === 'object' && value !== null)

/** Printed in base64. */
const toBytes = (name: string, value: unknown): unknown =>
  name === 'B' && typeof value === 'string' ? Buffer.from(value, 'base64') : value

const readRaw = async (file: string): Promise<Raw> =>
  Raw.parse(JSON.parse(await readFile(new URL(file, folder), 'utf8'), toBytes))

const journal = await useJournal()
const sections = await readRecordSections()

const put = async (raw: Raw): Promise<Item> => {
  const { name, documents } = journal.table
  await documents().send(new PutItemCommand({ TableName: name, Item: raw }))
  const item = await journal.read({ pk: raw['pk']?.S ?? '', sk: raw['sk']?.S ?? '' })
  if (item === undefined) throw new Error('it was not put')
  return item
}

const remove = async ({ pk = { S: '' }, sk = { S: '' } }: Raw): Promise<void> => {
  const { name, documents } = journal.table
  await documents().send(new DeleteItemCommand({ TableName: name, Key: { pk, sk } }))
}

const kindOf = (item: Item): string =>
  sections.find(({ isKeyOf }) => isKeyOf(toItemKey(item)))?.name ?? 'no kind at all'

const appOf = (item: Item): AppName => AppName.parse(item['app'])

/** The attributes of a name that begins so, without that beginning. */
const under = (prefix: string, item: Item) =>
  Object.fromEntries(
    Object.entries(item)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value] as const),
  )

const toObject = (value: unknown): object => z.custom<object>(isObject).parse(value)
const isObject = (value: unknown) => typeof value === 'object' && value !== null

/** Attributes that are for the table: no reader hands them on. */
const plumbing = ['pk', 'sk', 'schemaVersion', 'expiresAt', 'open', 'openKey', 'writer']

const without = (names: readonly string[], item: Item): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)))

interface Reader {
  readonly read: (item: Item) => Promise<unknown>
  /** What of the item its reader hands on. */
  readonly told: (item: Item) => unknown
}

const history = () => createHistory(journal.table)
const whole = (item: Item) => without([...plumbing, 'app'], item)

/** The order that a record is of. */
const herokuPlace = { app: 'oc-lettings', process: 'web' }

const carryOrderOf = (item: Item): CarryOrder => {
  const [, heroku, process] = /^carry#(.*)\/(.*)$/.exec(String(item['pk'])) ?? []
  const [, digest, command = 'null'] = /^(\S+) ?(.+)?$/.exec(String(item['content'])) ?? []
  const release: unknown = JSON.parse(command)
  const named = { app: 'oc-lettings', image: 'acme/oc-lettings', registry: null, token: 'heroku' }
  return CarryOrder.parse({ ...named, digest, heroku, process, release })
}

const readers: Readonly<Record<string, Reader>> = {
  Head: {
    read: (item) => createHeads(journal.table).load(appOf(item)),
    told: (item) => ({
      app: item['app'],
      version: item['version'],
      ...toObject(item['body']),
      observed: unpackLists(item['instances'])?.observed,
    }),
  },
  Revision: {
    read: (item) =>
      createRevisions(journal.table).load(appOf(item), RevisionId.parse(String(item['id']))),
    told: (item) => {
      const runs = under('ci:', item)
      const names = Object.keys(runs).map((name) => `ci:${name}`)
      return { ...without([...plumbing, ...names], item), ci: runs }
    },
  },
  Tag: {
    read: async (item) => ({
      hint: await createTags(journal.table).load(appOf(item)),
      labels: await createLabels(journal.table).load(appOf(item)),
    }),
    told: (item) => ({
      hint: { image: item['image'], pushes: item['pushes'], asked: item['asked'] },
      labels: Object.entries(under('label:', item)).map(([digest, label]) => ({
        digest,
        ...toObject(label),
      })),
    }),
  },
  Seen: {
    read: (item) => createSeen(journal.table).load(appOf(item)),
    told: (item) => under('seen:', item),
  },
  Repository: {
    read: (item) => createRepositories(journal.table).load(appOf(item)),
    told: whole,
  },
  Release: {
    read: async (item) => {
      const release = releaseSchema.parse(item['release'])
      return { isFound: await history().hasRelease(appOf(item), release), release }
    },
    told: (item) => ({ isFound: true, release: item['release'] }),
  },
  Deployment: {
    read: (item) => history().loadDeployments(appOf(item), 10),
    told: (item) => [{ ...whole(item), instances: unpackLists(item['instances'])?.instances }],
  },
  Step: {
    read: (item) => history().loadSteps(appOf(item), Generation.parse(item['generation'])),
    told: (item) => [whole(item)],
  },
  Command: {
    read: async (item) => {
      const command = String(item['pk']).replace('command#', '')
      return { app: await createCommandIndex(journal.table).findApp(command) }
    },
    told: (item) => ({ app: item['app'] }),
  },
  Certificate: {
    read: (item) =>
      createCertificates(journal.table, silent).load([InstanceId.parse(item['instance'])]),
    told: (item) => [whole(item)],
  },
  'Heroku deploy': {
    read: () => createHerokuRecords(journal.table).loadDeploy(herokuPlace),
    told: whole,
  },
  'Heroku release': {
    read: (item) =>
      createHerokuRecords(journal.table).loadRelease(herokuPlace, {
        generation: Generation.parse(item['generation']),
        digest: Digest.parse(item['digest']),
      }),
    told: whole,
  },
  Carry: {
    read: (item) => createCarryRecords(journal.table).load(carryOrderOf(item)),
    told: (item) => without(['content', 'run'], whole(item)),
  },
  'Sign-in link': {
    read: (item) => createPageAccess(journal.table).loadLink(String(item['hash'])),
    told: whole,
  },
  'Page session': {
    read: (item) => createPageAccess(journal.table).loadSession(String(item['hash'])),
    told: whole,
  },
  'Proxy image': { read: () => createProxyImages(journal.table).load(), told: whole },
  'Renewal request': {
    read: () => createRenewals(journal.table).loadRequest(),
    told: whole,
  },
  Renewal: {
    read: async () => {
      const kept = await createRenewals(journal.table).load()
      return { ...kept?.renewal, version: kept?.version }
    },
    told: whole,
  },
  'Fleet scan': { read: () => createFleetScans(journal.table).load(), told: whole },
}

/** People read the others; Landfall itself never does. */
const filesReadBack = files.filter(
  (file) => !['operation.json', 'alarm.json', 'receipt.json'].includes(file),
)

const readerOf = (item: Item): Reader => {
  const reader = readers[kindOf(item)]
  if (reader === undefined) throw new Error(`nothing here reads a ${kindOf(item)}`)
  return reader
}

describe('the records that are kept', () => {
  it('keeps records of every kind in docs/journal.md', async () => {
    const items = await Promise.all(files.map(async (file) => put(await readRaw(file))))
    expect([...new Set(items.map(kindOf))].sort()).toEqual(sections.map(({ name }) => name).sort())
    for (const file of files) await remove(await readRaw(file))
  })

  it.each(filesReadBack)('reads %s without losing a field', async (file) => {
    const raw = await readRaw(file)
    const item = await put(raw)
    const { read, told } = readerOf(item)
    expect(await read(item)).toMatchObject(toObject(told(item)))
    await remove(raw)
  })
})

describe('a kept head', () => {
  it.each(files.filter((name) => name.startsWith('head')))(
    '%s is gone on with: what is open ends, and every host serves what is live',
    async (file) => {
      const raw = await readRaw(file)
      let head = await createHeads(journal.table).load(appOf(await put(raw)))
      await remove(raw)
      const inner = createWorld({ instances: 2 })
      inner.advance(240_000)
      const [serving = null] = head.releases
      for (const host of inner.hosts) host.serving = serving
      const { history: past } = inner.toPorts(plainly)
      const opened = head.deployment === null ? [] : [head.deployment.release]
      for (const one of [...opened, ...head.releases]) await past.recordRelease(head.app, one)
      const heads: Heads = {
        load: () => Promise.resolve(head),
        record: (next) => {
          head = next
          return Promise.resolve('recorded')
        },
        listOpen: () => Promise.resolve([head.app]),
      }
      const toPorts: World['toPorts'] = (call) => ({ ...inner.toPorts(call), heads })
      await letItSettle({ ...inner, toPorts }, 90)
      expect(head).toMatchObject({ deployment: null, request: null, rollback: null })
      const [live] = head.releases
      for (const host of inner.hosts)
        expect(host.serving).toMatchObject({ generation: live?.generation, digest: live?.digest })
      expect(head.observed).toHaveLength(2)
    },
  )
})

describe('a record of an unknown schema version', () => {
  const newer = async (file: string) => {
    const raw = { ...(await readRaw(file)), schemaVersion: { N: '2' } }
    return { raw, item: await put(raw) }
  }

  it.each(filesReadBack)('refuses to read %s of another schema version, by name', async (file) => {
    const { raw, item } = await newer(file)
    const reader = readerOf(item)
    if (reader !== null) {
      const error: unknown = await reader.read(item).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(SchemaVersionUnknown)
      expect(String(error)).toContain(
        `${String(item['pk'])} ${String(item['sk'])} is not of schema`,
      )
      expect(String(error)).toContain('version 1, the only one that this Landfall reads')
    }
    await remove(raw)
  })

  it('does not let a webhook overwrite a record of another schema version', async () => {
    const app = AppName.parse('oc-lettings')
    const now = '2027-01-01T00:00:00.000Z'
    const image = { kind: 'image', tag: 'latest', seenAt: now, origin: null } as const
    const writes: Readonly<Record<string, () => Promise<unknown>>> = {
      'seen.json': () => createRecordSeen(journal.table)(app, 'github:push', now),
      'tag.json': () =>
        createEvidenceJournal(journal.table).recordEvidence(app, null, null, image, now),
    }
    for (const [file, write] of Object.entries(writes)) {
      const { raw, item } = await newer(file)
      await expect(write()).rejects.toThrow(SchemaVersionUnknown)
      expect(await journal.read(toItemKey(item))).toEqual(item)
      await remove(raw)
    }
  })

  it('does not let a webhook change the names and the repository in one', async () => {
    const app = AppName.parse('oc-lettings')
    const at = '2027-01-01T00:00:00.000Z'
    const { keep, note } = createRepositories(journal.table)
    const names = await newer('seen.json')
    await createRecordName(journal.table)(app, { kind: 'branch', branch: 'Main' }, true)
    expect(await journal.read(toItemKey(names.item))).toEqual(names.item)
    const { raw, item } = await newer('repository.json')
    for (const isStated of [false, true])
      expect(await keep(app, { id: 4711, name: 'acme/x', keptAt: at }, isStated)).toBe(false)
    await note(app, 4711, { refused: { id: 1, at } })
    expect(await journal.read(toItemKey(item))).toEqual(item)
    await remove(names.raw)
    await remove(raw)
  })
})
