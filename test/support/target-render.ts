import { onceFor, type Fate } from '../../local/base/vendor.ts'
import type { Course } from '../../local/render/deploy.ts'
import { releaseOf, service, shopOf, startRenderStage, type RenderStage } from './render-stage.ts'
import type { Place, PlaceStage } from './target-place.ts'
import { createServicePlace } from './target-service.ts'

const createPlace = (stage: RenderStage): Place => {
  const { server } = stage
  const shop = server.service(service)
  let heldAt: Course | null = null
  const fail = (method: string, fate: Fate): void =>
    void (server.fate = onceFor((call) => call.method === method, fate))
  return createServicePlace(stage, (fareOf) => {
    shop.settings.courseOf = ({ ref }) =>
      fareOf(ref?.split('@')[1]) === 'broken' ? { kind: 'update_failed' } : heldAt
    return {
      keepsServing: true,
      shopOf,
      releaseOf,
      nameOf: (digest) => digest,
      runByHand: (digest) => void shop.deploy(`docker.io/acme/shop@${digest}`, 'manual'),
      serving: () => {
        const serving = shop.serving()
        return serving && { image: serving.sha ?? undefined, env: serving.env }
      },
      countStarts: ({ digest }) =>
        Promise.resolve(shop.deploys().filter(({ ref }) => ref?.endsWith(digest) === true).length),
      loseStart: () => fail('POST', { kind: 'lose' }),
      loseLook: () => fail('GET', { kind: 'lose' }),
      throttle: () =>
        fail('POST', { kind: 'answer', status: 429, headers: { 'retry-after': '30' }, body: {} }),
      hold: () => {
        // A status that is in no schema.
        heldAt = { kind: 'stays', status: 'on_its_way' }
        return Promise.resolve(() => Promise.resolve(void (heldAt = null)))
      },
    }
  })
}

/** Services on a local server that behaves as Render's published schema says, with a clock of its own. */
export const openRenderPlaces = (): Promise<PlaceStage> =>
  Promise.resolve({
    openPlace: async () => createPlace(await startRenderStage()),
    close: () => Promise.resolve(),
  })
