import { afterAll, beforeAll, describe, test } from 'vitest'
import { contract } from '../support/target-contract.ts'
import { openEc2Stage } from '../support/target-ec2.ts'
import type { PlaceStage } from '../support/target-place.ts'
import { openRenderPlaces } from '../support/target-render.ts'

const kinds: Readonly<Record<string, () => Promise<PlaceStage>>> = {
  EC2: openEc2Stage,
  Render: openRenderPlaces,
}
/** By kind and title; what was not run is not there. */
const kept = new Map<string, boolean>()

describe.each(Object.entries(kinds))('%s', (kind, open) => {
  let stage: PlaceStage
  beforeAll(async () => {
    stage = await open()
  })
  afterAll(() => stage?.close())

  test.each(contract.map((row) => [row.title, row] as const))('%s', async (title, row) => {
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
