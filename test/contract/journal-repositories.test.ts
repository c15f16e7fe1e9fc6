import { describe, expect, it } from 'vitest'
import { itemKey } from '../../src/journal/keys.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { AppName } from '../../src/kernel/id.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()
const repositories = createRepositories(journal.table)

const keptAt = '2026-11-20T10:00:00.000Z'
const at = '2026-11-20T11:00:00.000Z'
const kept = { id: 7, name: 'acme/shop', keptAt }

let count = 0
const newApp = () => AppName.parse(`shop-${(count += 1)}`)

describe('the repository of an app', () => {
  it('is unknown before its first delivery', async () => {
    expect(await repositories.load(newApp())).toBeNull()
  })

  it('is kept once, whichever of many first deliveries comes first', async () => {
    const app = newApp()
    const outcomes = await Promise.all(
      [7, 8, 9].map((id) => repositories.keep(app, { ...kept, id }, false)),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await repositories.load(app)).toEqual({
      ...kept,
      id: [7, 8, 9][outcomes.indexOf(true)],
      renamed: null,
      refused: null,
    })
  })

  it('is kept where the answer to the write was lost and the SDK repeated it', async () => {
    const app = newApp()
    journal.faults.push('answer_lost')
    expect(await repositories.keep(app, kept, false)).toBe(true)
  })

  it('gives way to another name, and to an id that landfall.yml states', async () => {
    const app = newApp()
    await repositories.keep(app, kept, false)
    await repositories.note(app, 7, { renamed: { name: 'acme/store', at } })
    expect(await repositories.keep(app, { ...kept, id: 8, name: 'Acme/Shop' }, false)).toBe(false)
    expect(await repositories.keep(app, { ...kept, id: 8, name: 'acme/store' }, false)).toBe(true)
    expect(await repositories.load(app)).toMatchObject({ id: 8, renamed: null })
    expect(await repositories.keep(app, { ...kept, id: 9, name: 'acme/store' }, true)).toBe(true)
    expect(await repositories.load(app)).toMatchObject({ id: 9 })
  })

  it('has noted of it what is of the kept id', async () => {
    const app = newApp()
    await repositories.note(app, 7, { refused: { id: 8, at } })
    expect(await journal.read(itemKey.repository(app))).toBeUndefined()
    await repositories.keep(app, kept, false)
    await repositories.note(app, 9, { renamed: { name: 'acme/x', at } })
    await repositories.note(app, 7, { refused: { id: 8, at } })
    await repositories.note(app, 7, { renamed: { name: 'acme/store', at } })
    const noted = { renamed: { name: 'acme/store', at }, refused: { id: 8, at } }
    expect(await repositories.load(app)).toEqual({ ...kept, ...noted })
    await repositories.note(app, 7, { renamed: null })
    expect(await repositories.load(app)).toMatchObject({ renamed: null, refused: { id: 8 } })
  })
})
