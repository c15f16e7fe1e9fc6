import { createHash } from 'node:crypto'
import { startHeroku, type HerokuOptions, type HerokuServer } from '../../local/heroku/heroku.ts'
import type { App, HerokuSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { addSeconds, toInstant } from '../../src/kernel/clock.ts'
import { http, openHttp } from '../../src/kernel/http.ts'
import { Digest, InstanceId } from '../../src/kernel/id.ts'
import type { Carry, CarryOrder, CarryProgress } from '../../src/targets/carry.ts'
import { createOpenHeroku } from '../../src/targets/heroku/api.ts'
import { createHerokuTarget } from '../../src/targets/heroku/heroku.ts'
import { createHerokuView } from '../../src/targets/heroku/plan.ts'
import type { HerokuPorts } from '../../src/targets/heroku/ports.ts'
import type { HerokuDeploy, HerokuRecords, HerokuRelease } from '../../src/targets/heroku/record.ts'
import type { Target } from '../../src/targets/target.ts'
import { start } from './deployments.ts'
import { createOrders, createSecrets, releaseAt, shopAt, type OrderOf } from './service-stage.ts'
import { herokuTarget } from './targets.ts'

export const herokuApp = 'oc-lettings'
export const herokuId = InstanceId.parse(`heroku:${herokuApp}`)
const token = 'landfall/test/heroku'
export const apiKey = 'HRKU-key-of-the-team'

const hash = (text: string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(text).digest('hex')}`)

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
export const shopOf = (changes: Partial<App> = {}): App => shopAt(settingsOf(), changes)

export const releaseOf = (
  letter: string,
  generation: number,
  changes: Partial<Release> = {},
): Release => releaseAt(shopOf(), letter, generation, changes)

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

/** Carries by the clock, and notes what is in Heroku's registry: `<app>/<process> <image id>`. */
export interface CarryAtStage extends Carry {
  readonly orders: CarryOrder[]
  readonly registry: Set<string>
  /** What becomes of every order from now on; null: it is carried. */
  fate: CarryProgress | null
}

const carrySeconds = 2

const createCarryAtStage = (now: () => string): CarryAtStage => {
  const begun = new Map<string, string>()
  const ended = new Map<string, CarryProgress>()
  const keyOf = ({ digest, release, attempt }: CarryOrder) =>
    JSON.stringify([digest, release, attempt])
  /** Puts the images into the registry, once for each time that the order is begun. */
  const end = (order: CarryOrder): CarryProgress => {
    const image = imageIdOf(order.digest)
    const release = order.release === null ? null : hash(keyOf(order))
    carry.registry.add(`${order.heroku}/${order.process} ${image}`)
    if (release !== null) carry.registry.add(`${order.heroku}/release ${release}`)
    begun.delete(keyOf(order))
    return { status: 'carried', at: now(), blobs: 4, blobsThere: 4, sentBytes: 0, image, release }
  }
  const carry: CarryAtStage = {
    orders: [],
    registry: new Set(),
    fate: null,
    start: (order) => {
      carry.orders.push(order)
      if (!begun.has(keyOf(order))) begun.set(keyOf(order), now())
      return Promise.resolve()
    },
    read: (order) => {
      const key = keyOf(order)
      const at = begun.get(key)
      if (at !== undefined && carry.fate !== null) return Promise.resolve(carry.fate)
      if (at !== undefined && addSeconds(at, carrySeconds) <= now()) ended.set(key, end(order))
      else if (at !== undefined)
        return Promise.resolve({
          status: 'carrying',
          at: now(),
          blobs: 4,
          blobsThere: 1,
          sentBytes: 10,
        })
      return Promise.resolve(ended.get(key) ?? null)
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
  readonly orderOf: OrderOf
  stop(): Promise<void>
}

export const startHerokuStage = async (
  changes: Partial<HerokuOptions['apps'][number]> = {},
  more: Pick<HerokuOptions, 'pace'> = {},
): Promise<HerokuStage> => {
  let at = Date.parse(start)
  const clock = () => new Date(at)
  const now = () => toInstant(clock())
  const carry = createCarryAtStage(now)
  const records = createHerokuMemory()
  const server = await startHeroku({
    isToken: (key) => key === apiKey,
    apps: [{ name: herokuApp, ...changes }],
    hasImage: (app, process, image) =>
      Promise.resolve(carry.registry.has(`${app}/${process} ${image}`)),
    now: clock,
    ...more,
  })
  const { secrets, readSecret } = createSecrets(token, apiKey)
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
    orderOf: createOrders(clock, shopOf(), herokuId),
    stop: () => server.stop(),
  }
}
