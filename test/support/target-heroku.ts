import { onceFor, type Fate } from '../../local/base/vendor.ts'
import {
  herokuApp,
  imageIdOf,
  releaseOf,
  shopOf,
  startHerokuStage,
  type HerokuStage,
} from './heroku-stage.ts'
import type { Place, PlaceStage } from './target-place.ts'
import { createServicePlace } from './target-service.ts'

const createPlace = (stage: HerokuStage): Place => {
  const { server } = stage
  const app = server.app(herokuApp)
  let isHeld = false
  const fail = (fate: Fate): void => void (server.fate = onceFor(() => true, fate))
  return createServicePlace(stage, (fareOf) => {
    app.settings.courseOf = ({ images }) => {
      if (fareOf(images['web']) === 'broken') return { kind: 'sick', status: 500 }
      // A status that is in no schema.
      return isHeld ? { kind: 'status', status: 'on_its_way' } : null
    }
    return {
      keepsServing: false,
      shopOf,
      releaseOf,
      nameOf: imageIdOf,
      runByHand: (digest) => void app.release({ web: imageIdOf(digest) }, 'ada@example.com'),
      serving: () => app.serving(),
      countStarts: ({ digest }) =>
        Promise.resolve(
          app
            .releases()
            .filter(({ description }) => description.includes(imageIdOf(digest).slice(7, 19)))
            .length,
        ),
      loseStart: () => fail({ kind: 'lose' }),
      loseLook: () => {
        // Until the image is there, a look does not ask Heroku.
        stage.pass(10)
        fail({ kind: 'lose' })
      },
      throttle: () =>
        fail({ kind: 'answer', status: 429, headers: { 'retry-after': '30' }, body: {} }),
      hold: () => {
        isHeld = true
        return Promise.resolve(() => Promise.resolve(void (isHeld = false)))
      },
    }
  })
}

/** Apps on a local server that behaves as Heroku's published schema says, with a clock of its own. */
export const openHerokuPlaces = (): Promise<PlaceStage> =>
  Promise.resolve({
    openPlace: async () => createPlace(await startHerokuStage()),
    close: () => Promise.resolve(),
  })
