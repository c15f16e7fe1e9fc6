import { createHash } from 'node:crypto'
import { onceFor, type Fate } from '../../local/base/vendor.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { Digest } from '../../src/kernel/id.ts'
import {
  herokuApp,
  imageIdOf,
  releaseOf,
  shopOf,
  startHerokuStage,
  type HerokuStage,
} from './heroku-stage.ts'
import type { Fare, Place, PlaceStage } from './target-place.ts'

const toDigest = (text: string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`)

const manual = 'a manual change'

const createPlace = (stage: HerokuStage): Place => {
  const { server, target } = stage
  const app = server.app(herokuApp)
  const versions = new Map<string, string>()
  const fares = new Map<string, Fare>()
  let isHeld = false
  let generation = 0
  app.settings.courseOf = ({ images }) => {
    const fare = fares.get(images['web'] ?? '')
    if (fare === 'broken') return { kind: 'sick', status: 500 }
    // A status that is in no schema.
    return isHeld ? { kind: 'status', status: 'on_its_way' } : null
  }
  const add = (version: string, fare: Fare = 'well'): Digest => {
    const digest = toDigest(`${version} ${fare}`)
    versions.set(imageIdOf(digest), version)
    fares.set(imageIdOf(digest), fare)
    return digest
  }
  const runByHand = (version: string): void =>
    void app.release({ web: imageIdOf(add(version)) }, 'ada@example.com')
  const later = (seconds: number): string => addSeconds(stage.now(), seconds)
  const fail = (fate: Fate): void => void (server.fate = onceFor(() => true, fate))
  return {
    target,
    keepsServing: false,
    publish: (version, fare, env = {}) => {
      generation += 1
      const digest = add(version, fare)
      const settings = { ...shopOf(), env }
      return Promise.resolve(releaseOf('a', generation, { digest, revision: digest, settings }))
    },
    order: (release, changes) => stage.orderOf(release, { notAfter: later(1800), ...changes }),
    later,
    serves: () => Promise.resolve(versions.get(app.serving()?.image ?? '') ?? null),
    hasSetting: (name, value) => Promise.resolve(app.serving()?.env[name] === value),
    countStarts: ({ digest }) =>
      Promise.resolve(
        app
          .releases()
          .filter(({ description }) => description.includes(imageIdOf(digest).slice(7, 19))).length,
      ),
    wait: (looks) => Promise.resolve(stage.pass(Math.min(30, 1 + looks))),
    ranBefore: (version) => {
      runByHand(version)
      return Promise.resolve(stage.pass(60))
    },
    loseStart: () => fail({ kind: 'lose' }),
    loseLook: () => {
      // Until the image is there, a look does not ask Heroku.
      stage.pass(10)
      fail({ kind: 'lose' })
    },
    throttle: () =>
      fail({ kind: 'answer', status: 429, headers: { 'retry-after': '30' }, body: {} }),
    lockOut: () => void (server.fate = () => ({ kind: 'answer', status: 401, body: {} })),
    hold: () => {
      isHeld = true
      return Promise.resolve(() => Promise.resolve(void (isHeld = false)))
    },
    disturb: () => Promise.resolve(runByHand(manual)),
    replace: () => {
      runByHand(manual)
      return Promise.resolve(stage.pass(60))
    },
    close: async () => {
      await stage.stop()
      if (server.violations.length > 0) throw new Error(server.violations.join('\n'))
    },
  }
}

/** Apps on a local server that behaves as Heroku's published schema says, with a clock of its own. */
export const openHerokuPlaces = (): Promise<PlaceStage> =>
  Promise.resolve({
    openPlace: async () => createPlace(await startHerokuStage()),
    close: () => Promise.resolve(),
  })
