import { beforeEach, describe, expect, it } from 'vitest'
import { createFindApps, type FindApps } from '../../../src/delivery/find-apps.ts'
import type { App } from '../../../src/deployment/app.ts'
import { addSeconds } from '../../../src/kernel/clock.ts'
import { AppName } from '../../../src/kernel/id.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { appOf } from '../../support/apps.ts'
import { pushFacts, runFacts } from '../../support/facts.ts'
import { createMemoryRepositories } from '../../support/receiving.ts'

const now = '2026-11-20T10:00:00.000Z'
const shop = appOf('shop', { repository: 'acme/shop' })
const worker = appOf('worker', { repository: 'acme/shop' })
const other = appOf('other', { repository: 'acme/other' })

let records: ReturnType<typeof createMemoryRepositories>
let lines: string[]
let loads: number
beforeEach(() => {
  records = createMemoryRepositories()
  lines = []
  loads = 0
})

/** A new run of the function, which remembers nothing. */
const start = (...apps: readonly App[]): FindApps =>
  createFindApps(
    {
      ...records,
      load: (app) => {
        loads += 1
        return records.load(app)
      },
    },
    apps,
    createLog({}, (line) => lines.push(line)),
  )

const pushOf = (repository: string, repositoryId: number) => pushFacts({ repository, repositoryId })
const workflowOf = (repository: string) =>
  runFacts({ ci: 'circleci', repository, repositoryId: null, workflowPath: null })
const namesOf = async (found: Promise<readonly App[]>) => (await found).map(({ name }) => name)

describe('the apps of a delivery', () => {
  it('are those whose repository has the name, in any case of letters', async () => {
    const find = start(shop, worker, other, appOf('no-code', { repository: null }))
    expect(await namesOf(find(pushOf('Acme/Shop', 7), now))).toEqual(['shop', 'worker'])
    expect(await namesOf(find(workflowOf('acme/SHOP'), now))).toEqual(['shop', 'worker'])
    expect(await namesOf(find(pushOf('acme/x', 8), now))).toEqual([])
    expect(await namesOf(find(workflowOf('//gitlab.com/acme/shop'), now))).toEqual([])
  })

  it('are the one that an image names', async () => {
    const image = { kind: 'image', repository: 'acme/x', tag: 'v1', pushedAt: now } as const
    const find = start(shop, other)
    const named = { ...image, app: AppName.parse('other') }
    expect(await namesOf(find(named, now))).toEqual(['other'])
    expect(await namesOf(find({ kind: 'ping' }, now))).toEqual([])
    expect(loads).toBe(0)
  })

  it('are read from the journal once in a run of the function', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    loads = 0
    const find = start(shop)
    for (let times = 0; times < 3; times += 1) await find(pushOf('acme/shop', 7), now)
    expect(loads).toBe(1)
  })
})

describe('a delivery of a repository that no app has', () => {
  it('reads that an app has had no delivery once a minute', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    const find = start(shop, other)
    loads = 0
    for (const seconds of [0, 1, 59])
      expect(await namesOf(find(pushOf('acme/x', 8), addSeconds(now, seconds)))).toEqual([])
    expect(loads).toBe(2)
    await find(pushOf('acme/x', 8), addSeconds(now, 60))
    expect(loads).toBe(3)
  })

  it('does not hide the first delivery of an app within that minute', async () => {
    const find = start(shop)
    await find(pushOf('acme/x', 8), now)
    await start(shop)(pushOf('acme/shop', 7), now)
    expect(await namesOf(find(pushOf('acme/shop', 8), now))).toEqual([])
    expect(await namesOf(find(pushOf('acme/shop', 7), now))).toEqual(['shop'])
  })
})

it('reads no record again for a workflow of CircleCI that is of another app', async () => {
  const find = start(shop, other)
  for (let times = 0; times < 3; times += 1)
    expect(await namesOf(find(workflowOf('acme/other'), now))).toEqual(['other'])
  expect(loads).toBe(1)
})

describe('a record that cannot be read', () => {
  const load: typeof records.load = async (app) => {
    if (app === shop.name) throw new Error('unreadable')
    return records.load(app)
  }
  const startDamaged = () =>
    createFindApps(
      { ...records, load },
      [shop, other],
      createLog({}, (line) => lines.push(line)),
    )

  it('stops no delivery of another app, and is logged', async () => {
    const find = startDamaged()
    expect(await namesOf(find(pushOf('acme/other', 9), now))).toEqual(['other'])
    expect(await namesOf(find(workflowOf('acme/other'), now))).toEqual(['other'])
    expect(lines.filter((line) => line.includes('"level":"error"'))).toHaveLength(2)
  })

  it.each(['acme/shop', 'acme/x'])('stops one of %s, which may be of its app', async (name) => {
    await expect(startDamaged()(pushOf(name, 9), now)).rejects.toThrow('unreadable')
  })

  it('stops one that has the name of its app and of another', async () => {
    const find = createFindApps(
      { ...records, load },
      [shop, worker],
      createLog({}, () => undefined),
    )
    await expect(find(pushOf('acme/shop', 7), now)).rejects.toThrow('unreadable')
  })
})

describe('a repository', () => {
  it('is kept by the id of its first delivery, and another one with its name is refused and told', async () => {
    expect(await namesOf(start(shop)(pushOf('acme/shop', 7), now))).toEqual(['shop'])
    const find = start(shop)
    for (const seconds of [10, 20, 3700])
      expect(await namesOf(find(pushOf('acme/shop', 8), addSeconds(now, seconds)))).toEqual([])
    expect(await namesOf(find(pushOf('acme/shop', 7), now))).toEqual(['shop'])
    expect(await records.load(shop.name)).toEqual({
      id: 7,
      name: 'acme/shop',
      keptAt: now,
      renamed: null,
      refused: { id: 8, at: addSeconds(now, 3700) },
    })
    const warnings = lines.filter((line) => line.includes('delivery of another repository refused'))
    expect(warnings).toHaveLength(2)
  })

  it('goes on under a new name, and is told', async () => {
    await start(shop, other)(pushOf('acme/shop', 7), now)
    const find = start(shop, other)
    expect(await namesOf(find(pushOf('umbrella/store', 7), now))).toEqual(['shop'])
    expect(await namesOf(find(workflowOf('umbrella/store'), now))).toEqual(['shop'])
    expect(await records.load(shop.name)).toMatchObject({
      renamed: { name: 'umbrella/store', at: now },
    })
    expect(lines.at(-1)).toContain('repository renamed at GitHub')
    expect(await namesOf(find(pushOf('acme/shop', 8), now))).toEqual([])
  })

  it('is told to CircleCI too where another run of the function has seen its new name', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    const find = start(shop)
    await find(pushOf('acme/shop', 7), now)
    await start(shop)(pushOf('acme/store', 7), now)
    expect(await namesOf(find(workflowOf('acme/store'), now))).toEqual(['shop'])
  })

  it('is told no more as renamed once it has its name again', async () => {
    const find = start(shop)
    for (const name of ['acme/shop', 'acme/store', 'acme/shop']) await find(pushOf(name, 7), now)
    expect(await records.load(shop.name)).toMatchObject({ id: 7, renamed: null })
  })

  it('is another one where landfall.yml names another', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    const moved = { ...shop, repository: 'acme/store' }
    expect(await namesOf(start(moved)(pushOf('acme/shop', 7), now))).toEqual([])
    expect(await namesOf(start(moved)(pushOf('acme/store', 9), now))).toEqual(['shop'])
    expect(await records.load(shop.name)).toMatchObject({ id: 9, name: 'acme/store' })
  })

  it('is the one whose id landfall.yml states, before a delivery and after others', async () => {
    const stated = { ...shop, repositoryId: 9 }
    expect(await namesOf(start(stated)(pushOf('acme/shop', 7), now))).toEqual([])
    expect(await records.load(shop.name)).toMatchObject({ id: 9, refused: { id: 7 } })
    records = createMemoryRepositories()
    await start(shop)(pushOf('acme/shop', 7), now)
    expect(await namesOf(start(stated)(pushOf('acme/shop', 7), now))).toEqual([])
    expect(await namesOf(start(stated)(pushOf('acme/shop', 9), now))).toEqual(['shop'])
    expect(await namesOf(start(stated)(pushOf('acme/store', 9), now))).toEqual(['shop'])
    expect(await namesOf(start(shop)(pushOf('acme/shop', 7), now))).toEqual([])
    expect(await namesOf(start(shop)(pushOf('acme/shop', 9), now))).toEqual(['shop'])
  })

  it('has no other name than its own once landfall.yml states its id', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    await start(shop)(pushOf('umbrella/store', 7), now)
    const find = start({ ...shop, repositoryId: 9 })
    expect(await namesOf(find(workflowOf('umbrella/store'), now))).toEqual([])
    expect(await namesOf(find(workflowOf('acme/shop'), now))).toEqual(['shop'])
  })

  it('is told once an hour of all runs of the function', async () => {
    await start(shop)(pushOf('acme/shop', 7), now)
    for (const seconds of [0, 10, 20]) {
      const find = start(shop)
      await find(pushOf('acme/shop', 8), addSeconds(now, seconds))
      await find(pushOf('acme/store', 7), addSeconds(now, seconds))
    }
    expect(lines.filter((line) => line.includes('"level":"warn"'))).toHaveLength(2)
  })

  it('is told again as renamed where it had its name back for a while', async () => {
    const find = start(shop)
    for (const name of ['acme/shop', 'acme/store', 'acme/shop', 'acme/store'])
      await find(pushOf(name, 7), now)
    expect(await namesOf(find(workflowOf('acme/store'), now))).toEqual(['shop'])
  })

  it('is the one of two first deliveries that was kept', async () => {
    const late = start(shop)
    const keep: typeof records.keep = async (app, kept, isStated) => {
      await records.keep(app, { ...kept, id: 7 }, false)
      return records.keep(app, kept, isStated)
    }
    const find = createFindApps(
      { ...records, keep },
      [shop],
      createLog({}, () => undefined),
    )
    expect(await namesOf(find(pushOf('acme/shop', 8), now))).toEqual([])
    expect(await records.load(shop.name)).toMatchObject({ id: 7, refused: { id: 8 } })
    expect(await namesOf(late(pushOf('acme/shop', 7), now))).toEqual(['shop'])
  })
})
