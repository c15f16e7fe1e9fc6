import { createHash } from 'node:crypto'
import { startHeroku, type HerokuOptions, type HerokuServer } from '../../local/heroku/heroku.ts'
import type { App, HerokuSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { addSeconds, toInstant } from '../../src/kernel/clock.ts'
import { http, openHttp } from '../../src/kernel/http.ts'
import { Digest, Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import type { Carry, CarryOrder, CarryProgress } from '../../src/targets/carry.ts'
import { createOpenHeroku } from '../../src/targets/heroku/api.ts'
import { createHerokuTarget } from '../../src/targets/heroku/heroku.ts'
import { createHerokuView } from '../../src/targets/heroku/plan.ts'
import type { HerokuPorts } from '../../src/targets/heroku/ports.ts'
import type { HerokuDeploy, HerokuRecords, HerokuRelease } from '../../src/targets/heroku/record.ts'
import type { Order, Target } from '../../src/targets/target.ts'
import { appOf } from './apps.ts'
import { start } from './deployments.ts'
import { herokuTarget } from './targets.ts'

export const herokuApp = 'oc-lettings'
export const herokuId = InstanceId.parse(`heroku:${herokuApp}`)
const token = 'landfall/test/heroku'
export const apiKey = 'HRKU-key-of-the-team'

const hash = (text: string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`)

/** `sha256:aaaa…` by its letter. */
export const digestOf = (letter: string): Digest => Digest.parse(`sha256:${letter.repeat(64)}`)

/** The id that an image has at Heroku, by its digest. */
export const imageIdOf = (digest: string): Digest => hash(`configuration of ${digest}`)

export const settingsOf = (changes: Partial<HerokuSettings> = {}): HerokuSettings =>
  herokuTarget({
    app: herokuApp,
    token,
    release: ['python', 'manage.py', 'migrate', '--noinput'],
    ...changes,
  })

/** An app at Heroku with a secret that has two versions. */
export const shopOf = (changes: Partial<App> = {}): App =>
  appOf('shop', {
    image: 'acme/shop',
    env: { DEBUG: 'False' },
    secrets: 'landfall/test/shop',
    targets: [settingsOf()],
    ...changes,
  })

export const releaseOf = (
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
  settings: shopOf(),
  promotedFrom: null,
  ...changes,
})

/** The records of a journal, in memory. */
export const createHerokuMemory = (): HerokuRecords => {
  const deploys = new Map<string, HerokuDeploy>()
  const releases = new Map<string, HerokuRelease>()
  const keyOf = ({ app, process }: { app: string; process: string }) => `${app}/${process}`
  return {
    loadDeploy: (place) => Promise.resolve(deploys.get(keyOf(place)) ?? null),
    writeDeploy: (place, deploy) => {
      const there = deploys.get(keyOf(place))
      if (there !== undefined && there.writes !== deploy.writes - 1) return Promise.resolve(false)
      deploys.set(keyOf(place), deploy)
      return Promise.resolve(true)
    },
    loadRelease: (place, { generation, digest }) => {
      const release = releases.get(`${keyOf(place)} ${generation}`)
      return Promise.resolve(release?.digest === digest ? release : null)
    },
    recordRelease: (place, release) => {
      releases.set(`${keyOf(place)} ${release.generation}`, release)
      return Promise.resolve()
    },
  }
}

/** Carries by the clock, and notes what is in Heroku's registry: `<app>/<process>` → image id. */
export interface CarryAtStage extends Carry {
  readonly orders: CarryOrder[]
  readonly registry: Map<string, string>
  /** What becomes of every order from now on; null: it is carried. */
  fate: CarryProgress | null
}

const carrySeconds = 2

const createCarryAtStage = (now: () => string): CarryAtStage => {
  const begun = new Map<string, { readonly order: CarryOrder; readonly at: string }>()
  const keyOf = ({ digest, release, attempt }: CarryOrder) =>
    JSON.stringify([digest, release, attempt])
  const carried = (order: CarryOrder): CarryProgress => {
    const image = imageIdOf(order.digest)
    const release = order.release === null ? null : hash(keyOf(order))
    carry.registry.set(`${order.heroku}/${order.process}`, image)
    if (release !== null) carry.registry.set(`${order.heroku}/release`, release)
    return { status: 'carried', at: now(), blobs: 4, blobsThere: 4, sentBytes: 0, image, release }
  }
  const carry: CarryAtStage = {
    orders: [],
    registry: new Map(),
    fate: null,
    start: (order) => {
      carry.orders.push(order)
      begun.set(keyOf(order), { order, at: now() })
      return Promise.resolve()
    },
    read: (order) => {
      const known = begun.get(keyOf(order))
      if (known === undefined) return Promise.resolve(null)
      if (carry.fate !== null) return Promise.resolve(carry.fate)
      return Promise.resolve(
        addSeconds(known.at, carrySeconds) <= now()
          ? carried(order)
          : { status: 'carrying', at: now(), blobs: 4, blobsThere: 1, sentBytes: 10 },
      )
    },
  }
  return carry
}

/** A server that behaves as Heroku's schema says, at a time that the test chooses, and a target on it. */
export interface HerokuStage {
  readonly server: HerokuServer
  readonly carry: CarryAtStage
  readonly records: HerokuRecords
  readonly target: Target
  /** Of a target with other settings or ports, with nothing remembered. */
  targetOf(settings?: HerokuSettings, ports?: Partial<HerokuPorts>): Target
  /** What `plan` sees of the app. */
  view(settings?: HerokuSettings): ReturnType<typeof createHerokuView>
  /** Values of secrets by `name version`; `current` where none is asked for. */
  readonly secrets: Map<string, string>
  pass(seconds: number): void
  now(): string
  /** An order that is given now: a deploy of the release, for the next ten minutes. */
  orderOf(release: Release | null, changes?: Partial<Order>): Order
  stop(): Promise<void>
}

export const startHerokuStage = async (
  changes: Partial<HerokuOptions['apps'][number]> = {},
  more: Pick<HerokuOptions, 'pace'> = {},
): Promise<HerokuStage> => {
  let at = Date.parse(start)
  let fence = 1
  const clock = () => new Date(at)
  const now = () => toInstant(clock())
  const carry = createCarryAtStage(now)
  const records = createHerokuMemory()
  const server = await startHeroku({
    isToken: (key) => key === apiKey,
    apps: [{ name: herokuApp, ...changes }],
    images: (app, process) => Promise.resolve(carry.registry.get(`${app}/${process}`) ?? null),
    now: clock,
    ...more,
  })
  const secrets = new Map([
    [`${token} current`, `${apiKey}\n`],
    ['landfall/test/shop v1', '{"SECRET_KEY":"planted-one"}'],
    ['landfall/test/shop v2', '{"SECRET_KEY":"planted-two"}'],
  ])
  const readSecret: HerokuPorts['readSecret'] = (name, version) => {
    const value = secrets.get(`${name} ${version ?? 'current'}`)
    return Promise.resolve(
      value === undefined
        ? fail('secret_missing' as const)
        : succeed({ value: new Redacted(value), versionId: version ?? 'current' }),
    )
  }
  const baseUrl = server.url.href.replace(/\/$/, '')
  const open = () => createOpenHeroku({ http, readSecret, clock, baseUrl })
  const maskOutput: HerokuPorts['maskOutput'] = () =>
    Promise.resolve((text) => text.replaceAll(/planted-\w+/g, '***'))
  const targetOf: HerokuStage['targetOf'] = (settings = settingsOf(), ports = {}) =>
    createHerokuTarget(
      { open: open(), openHttp, readSecret, carry, records, maskOutput, clock, ...ports },
      settings,
    )
  return {
    server,
    carry,
    records,
    target: targetOf(),
    targetOf,
    view: (settings = settingsOf()) =>
      createHerokuView({ open: open(), readSecret, records }, settings),
    secrets,
    pass: (seconds) => void (at += seconds * 1000),
    now,
    orderOf: (release, given = {}) => {
      fence += 1
      const settings = release?.settings ?? shopOf()
      return {
        purpose: 'deploy',
        app: settings.name,
        kind: 'deploy',
        generation: release?.generation ?? Generation.parse(1),
        fence: Fence.parse(fence),
        openedAt: now(),
        numberedAt: null,
        since: now(),
        release,
        settings,
        target: settings.targets[0]?.key ?? settingsOf().key,
        instances: [herokuId],
        predeployOn: null,
        notAfter: new Date(at + 600_000).toISOString(),
        hostSeconds: 525,
        ...given,
      }
    },
    stop: () => server.stop(),
  }
}
