import { createHash } from 'node:crypto'
import { onceFor, type Fate } from '../../local/base/vendor.ts'
import type { Course } from '../../local/render/deploy.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { Digest } from '../../src/kernel/id.ts'
import { releaseOf, service, shopOf, startRenderStage, type RenderStage } from './render-stage.ts'
import type { Fare, Place, PlaceStage } from './target-place.ts'

const toDigest = (text: string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`)

const manual = 'a manual change'

const createPlace = (stage: RenderStage): Place => {
  const { server, target } = stage
  const shop = server.service(service)
  const versions = new Map<string, string>()
  const fares = new Map<string, Fare>()
  let heldAt: Course | null = null
  let generation = 0
  shop.settings.courseOf = ({ ref }) => {
    const fare = fares.get(ref?.split('@')[1] ?? '')
    return fare === 'broken' ? { kind: 'update_failed' } : heldAt
  }
  const add = (version: string, fare: Fare = 'well'): Digest => {
    const digest = toDigest(`${version} ${fare}`)
    versions.set(digest, version)
    fares.set(digest, fare)
    return digest
  }
  const runByHand = (version: string): void =>
    void shop.deploy(`docker.io/acme/shop@${add(version)}`, 'manual')
  const later = (seconds: number): string => addSeconds(stage.now(), seconds)
  const fail = (method: string, fate: Fate): void =>
    void (server.fate = onceFor((call) => call.method === method, fate))
  return {
    target,
    keepsServing: true,
    publish: (version, fare, env = {}) => {
      generation += 1
      const digest = add(version, fare)
      const settings = { ...shopOf(), env }
      return Promise.resolve(releaseOf('a', generation, { digest, revision: digest, settings }))
    },
    // Render itself gives a release fifteen minutes to get healthy.
    order: (release, changes) => stage.orderOf(release, { notAfter: later(1800), ...changes }),
    later,
    serves: () => Promise.resolve(versions.get(shop.serving()?.sha ?? '') ?? null),
    hasSetting: (name, value) => Promise.resolve(shop.serving()?.env[name] === value),
    countStarts: ({ digest }) =>
      Promise.resolve(shop.deploys().filter(({ ref }) => ref?.endsWith(digest) === true).length),
    wait: (looks) => Promise.resolve(stage.pass(Math.min(30, 1 + looks))),
    ranBefore: (version) => {
      runByHand(version)
      return Promise.resolve(stage.pass(60))
    },
    loseStart: () => fail('POST', { kind: 'lose' }),
    loseLook: () => fail('GET', { kind: 'lose' }),
    throttle: () =>
      fail('POST', { kind: 'answer', status: 429, headers: { 'retry-after': '30' }, body: {} }),
    lockOut: () => void (server.fate = () => ({ kind: 'answer', status: 401, body: {} })),
    hold: () => {
      // A status that is in no schema.
      heldAt = { kind: 'stays', status: 'on_its_way' }
      return Promise.resolve(() => Promise.resolve(void (heldAt = null)))
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

/** Services on a local server that behaves as Render's published schema says, with a clock of its own. */
export const openRenderPlaces = (): Promise<PlaceStage> =>
  Promise.resolve({
    openPlace: async () => createPlace(await startRenderStage()),
    close: () => Promise.resolve(),
  })
