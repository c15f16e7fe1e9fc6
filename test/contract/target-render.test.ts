import { describe, test } from 'vitest'
import { contract } from '../support/target-contract.ts'
import { openRenderPlaces } from '../support/target-render.ts'

describe('Render, as every target', () => {
  test.each(contract.map((row) => [row.title, row] as const))('%s', async (_, row) => {
    const place = await (await openRenderPlaces()).openPlace()
    try {
      await row.prove(place)
    } finally {
      await place.close()
    }
  })
})
