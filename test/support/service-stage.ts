import type { App, TargetSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { toInstant, type Clock } from '../../src/kernel/clock.ts'
import { Digest, Fence, Generation, type InstanceId } from '../../src/kernel/id.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { succeed } from '../../src/kernel/result.ts'
import type { ReadSecret } from '../../src/secrets/app-secret.ts'
import type { Order } from '../../src/targets/target.ts'
import { appOf } from './apps.ts'
import { failedSecret } from './failed-secret.ts'

/*
 * What tests of a target that is a service behind an API share: an app of one such target, its releases, its
 * secrets and its orders.
 */

/** `sha256:aaaa…` by its letter. */
export const digestOf = (letter: string): Digest => Digest.parse(`sha256:${letter.repeat(64)}`)

/** An app at the target, with a secret that has two versions. */
export const shopAt = (target: TargetSettings, changes: Partial<App> = {}): App =>
  appOf('shop', {
    image: 'acme/shop',
    env: { DEBUG: 'False' },
    secrets: 'landfall/test/shop',
    targets: [target],
    ...changes,
  })

export const releaseAt = (
  settings: App,
  letter: string,
  generation: number,
  changes: Partial<Release> = {},
): Release => ({
  generation: Generation.parse(generation),
  revision: digestOf(letter),
  commit: null,
  digest: digestOf(letter),
  secretVersion: 'v1',
  origin: null,
  settings,
  promotedFrom: null,
  ...changes,
})

/** Values of secrets by `name version`; `current` where none is asked for. */
export const createSecrets = (token: string, key: string) => {
  const secrets = new Map([
    [`${token} current`, `${key}\n`],
    ['landfall/test/shop v1', '{"SECRET_KEY":"planted-one"}'],
    ['landfall/test/shop v2', '{"SECRET_KEY":"planted-two"}'],
  ])
  const readSecret: ReadSecret = (name, version) => {
    const value = secrets.get(`${name} ${version ?? 'current'}`)
    return Promise.resolve(
      value === undefined
        ? failedSecret('secret_missing', name)
        : succeed({ value: new Redacted(value), versionId: version ?? 'current' }),
    )
  }
  return { secrets, readSecret }
}

export type OrderOf = (release: Release | null, changes?: Partial<Order>) => Order

/** Orders with rising fences, each given now: a deploy of the release, for the next ten minutes. */
export const createOrders = (clock: Clock, shop: App, instance: InstanceId): OrderOf => {
  let fence = 1
  return (release, changes = {}) => {
    fence += 1
    const settings = release?.settings ?? shop
    const [target] = [...settings.targets, ...shop.targets]
    if (target === undefined) throw new Error('the app has no target')
    const now = toInstant(clock())
    return {
      purpose: 'deploy',
      app: settings.name,
      kind: 'deploy',
      generation: release?.generation ?? Generation.parse(1),
      fence: Fence.parse(fence),
      openedAt: now,
      numberedAt: null,
      since: now,
      release,
      settings,
      target: target.key,
      instances: [instance],
      predeployOn: null,
      notAfter: new Date(clock().getTime() + 600_000).toISOString(),
      hostSeconds: 525,
      ...changes,
    }
  }
}
