import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isFull } from '../support/size.ts'
import { contract } from '../support/target-contract.ts'
import { openEc2Stage } from '../support/target-ec2.ts'
import { openHerokuPlaces } from '../support/target-heroku.ts'
import type { PlaceStage } from '../support/target-place.ts'
import { openRenderPlaces } from '../support/target-render.ts'

const kinds: Readonly<Record<string, () => Promise<PlaceStage>>> = {
  EC2: openEc2Stage,
  Render: openRenderPlaces,
  Heroku: openHerokuPlaces,
}
/** Rows that real Docker is shown to keep in the usual size too, by what is named here; the full size runs them. */
const shownElsewhere: Readonly<Record<string, string>> = {
  'a second start under one fence deploys nothing more': 'host/fence',
  'two concurrent starts under one fence end as one': 'host/fence',
  'a start whose answer is lost is neither reported failed nor done twice': 'end-to-end/forward',
  'a start without access deploys nothing, and reports why': 'end-to-end/faults',
  'a start after its deadline deploys nothing': 'host/fence',
  'an unhealthy release fails with a reason, and the previous release still serves': 'host/broken',
  'a cancelled deploy does not reach users, and the live release can be restored':
    'end-to-end/operators',
  'a newer order replaces the one in progress': 'host/fence',
  'a manual change after a deploy is corrected by the next deployment': 'end-to-end/restart',
  'a rollback brings back the earlier release with its settings': 'end-to-end/alarm',
  'without an earlier release of Landfall, a restore runs what ran before': 'end-to-end/take-over',
}
const isShownHere = (kind: string, title: string): boolean =>
  isFull || kind !== 'EC2' || !(title in shownElsewhere)

test('leaves only rows of the suite to other tests, which exist', () => {
  const titles = contract.map(({ title }) => title)
  for (const [title, file] of Object.entries(shownElsewhere)) {
    expect(titles).toContain(title)
    expect(existsSync(join(import.meta.dirname, '..', `${file}.test.ts`)), file).toBe(true)
  }
})

/** By kind and title, the rows that ran. */
const kept = new Map<string, boolean>()

describe.each(Object.entries(kinds))('%s', (kind, open) => {
  let stage: PlaceStage
  beforeAll(async () => {
    stage = await open()
  })
  afterAll(() => stage?.close())

  const rows = contract.filter(({ title }) => isShownHere(kind, title))
  test.each(rows.map((row) => [row.title, row] as const))('%s', async (title, row) => {
    const place = await stage.openPlace()
    kept.set(`${kind}: ${title}`, false)
    try {
      await row.prove(place)
      kept.set(`${kind}: ${title}`, true)
    } finally {
      await place.close()
    }
  })
})

afterAll(() => {
  const width = Math.max(...contract.map(({ title }) => title.length))
  const show = (title: string, cells: readonly string[]): string =>
    [title.padEnd(width), ...cells.map((cell) => cell.padEnd(6))].join('  ').trimEnd()
  const showKept = (key: string): string => {
    const isKept = kept.get(key)
    return isKept === undefined ? '-' : isKept ? 'yes' : 'NO'
  }
  const names = Object.keys(kinds)
  const rows = contract.map(({ title }) =>
    show(
      title,
      names.map((kind) => showKept(`${kind}: ${title}`)),
    ),
  )
  process.stdout.write(`\n${[show('what a target keeps', names), ...rows].join('\n')}\n\n`)
})
