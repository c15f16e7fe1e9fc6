import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isFull } from '../support/size.ts'
import { contract } from '../support/target-contract.ts'
import { openEc2Stage } from '../support/target-ec2.ts'
import type { PlaceStage } from '../support/target-place.ts'
import { openRenderPlaces } from '../support/target-render.ts'

const kinds: Readonly<Record<string, () => Promise<PlaceStage>>> = {
  EC2: openEc2Stage,
  Render: openRenderPlaces,
}
/** Rows that real Docker is shown to keep in the usual size too, by what is named here; the full size runs them. */
const shownElsewhere: Readonly<Record<string, string>> = {
  'a second start under one fence begins nothing more': 'host/fence',
  'two starts under one fence at the same moment end as one': 'host/fence',
  'a start whose answer is lost is neither failed nor done twice': 'end-to-end/forward',
  'a start that is not let in says why, and begins nothing': 'end-to-end/faults',
  'a start after its time begins nothing': 'host/fence',
  'a release that does not come up is failed with a reason, and what served serves on':
    'host/broken',
  'what is cancelled does not come to users, and the way back is open': 'end-to-end/operators',
  'a newer order overtakes the one under way': 'host/fence',
  'a stranger’s change afterwards is put right by the next deployment': 'end-to-end/restart',
  'a rollback brings the earlier release back, with its settings': 'end-to-end/alarm',
  'where nothing of ours was live, what ran before runs again': 'end-to-end/take-over',
}
const isShownHere = (kind: string, title: string): boolean =>
  isFull || kind !== 'EC2' || !(title in shownElsewhere)

test('each row of the suite that another test shows exists, and so does the test', () => {
  const titles = contract.map(({ title }) => title)
  for (const [title, file] of Object.entries(shownElsewhere)) {
    expect(titles).toContain(title)
    expect(existsSync(join(import.meta.dirname, '..', `${file}.test.ts`)), file).toBe(true)
  }
})

/** By kind and title; what was not run is not there. */
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
