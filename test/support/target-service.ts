import { createHash } from 'node:crypto'
import type { Vendor } from '../../local/base/vendor.ts'
import type { App } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { Digest } from '../../src/kernel/id.ts'
import type { Target } from '../../src/targets/target.ts'
import type { OrderOf } from './service-stage.ts'
import type { Fare, Place } from './target-place.ts'

/** A vendor's server at a time that the test chooses, and a target on it. */
interface ServiceStage {
  readonly server: Vendor
  readonly target: Target
  pass(seconds: number): void
  now(): string
  readonly orderOf: OrderOf
  stop(): Promise<void>
}

/** What one vendor does in its own way. */
interface Service extends Pick<
  Place,
  'keepsServing' | 'countStarts' | 'hold' | 'loseStart' | 'loseLook' | 'throttle'
> {
  readonly shopOf: () => App
  readonly releaseOf: (letter: string, generation: number, changes: Partial<Release>) => Release
  /** What the vendor calls the image of this digest. */
  readonly nameOf: (digest: Digest) => string
  readonly runByHand: (digest: Digest) => void
  readonly serving: () => {
    readonly image: string | undefined
    readonly env: Readonly<Record<string, string>>
  } | null
}

/** How an image takes a start, by the vendor's name for it. */
export type FareOf = (image: string | undefined) => Fare | undefined

const toDigest = (text: string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`)

const manual = 'a manual change'

/** A place at a vendor whose servers only say what a release would do: no image is pushed or run. */
export const createServicePlace = (
  stage: ServiceStage,
  createService: (fareOf: FareOf) => Service,
): Place => {
  const versions = new Map<string, string>()
  const fares = new Map<string, Fare>()
  const service = createService((image = '') => fares.get(image))
  let generation = 0
  const add = (version: string, fare: Fare = 'well'): Digest => {
    const digest = toDigest(`${version} ${fare}`)
    versions.set(service.nameOf(digest), version)
    fares.set(service.nameOf(digest), fare)
    return digest
  }
  const later = (seconds: number): string => addSeconds(stage.now(), seconds)
  const runByHand = (version: string): Promise<void> => {
    service.runByHand(add(version))
    return Promise.resolve()
  }
  const ranBefore = async (version: string): Promise<void> => {
    await runByHand(version)
    stage.pass(60)
  }
  const { server } = stage
  return {
    ...service,
    target: stage.target,
    publish: (version, fare, env = {}) => {
      generation += 1
      const digest = add(version, fare)
      const settings = { ...service.shopOf(), env }
      const changes = { digest, revision: digest, settings }
      return Promise.resolve(service.releaseOf('a', generation, changes))
    },
    // Longer than the fifteen minutes that Render itself gives a release to get healthy.
    order: (release, changes) => stage.orderOf(release, { notAfter: later(1800), ...changes }),
    later,
    serves: () => Promise.resolve(versions.get(service.serving()?.image ?? '') ?? null),
    hasSetting: (name, value) => Promise.resolve(service.serving()?.env[name] === value),
    wait: (looks) => Promise.resolve(stage.pass(Math.min(30, 1 + looks))),
    ranBefore,
    lockOut: () => void (server.fate = () => ({ kind: 'answer', status: 401, body: {} })),
    disturb: () => runByHand(manual),
    replace: () => ranBefore(manual),
    close: async () => {
      await stage.stop()
      if (server.violations.length > 0) throw new Error(server.violations.join('\n'))
    },
  }
}
