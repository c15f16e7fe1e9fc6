import { describe, test } from 'vitest'
import { contract } from '../support/target-contract.ts'
import { openHerokuPlaces } from '../support/target-heroku.ts'

describe('Heroku, as every target', () => {
  test.each(contract.map((row) => [row.title, row] as const))('%s', async (_, row) => {
    const place = await (await openHerokuPlaces()).openPlace()
    try {
      await row.prove(place)
    } finally {
      await place.close()
    }
  })
})
