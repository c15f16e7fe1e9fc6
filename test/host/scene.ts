import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import type { Edit } from './edit.ts'
import { hastenWaitForEngine, type Outage } from './engine.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { createKiller, type Killer, type Point } from './killer.ts'
import { ask } from './load.ts'
import type { Image, Stage } from './stage.ts'

export type Version = Image & { readonly text: string }

export interface Release {
  readonly generation: number
  readonly version: Version
}

export interface Extent {
  /** Behind the scene when it opens; the last of them notes its points, and the third prunes the first. */
  readonly releases: number
  /** Two releases are kept, one is killed, and a newer one may follow. */
  readonly versions: number
  /** Of the deployment that is noted. */
  readonly hasPredeploy: boolean
}

export const strategies = ['blue-green', 'recreate', 'worker'] as const
export type Strategy = (typeof strategies)[number]

/** Of the registry the images are pulled from, which lets nobody else in. */
export const credentials = { username: 'puller', password: 'planted-registry-password' }

const lines = (text: string): readonly string[] => text.split('\n').filter(Boolean)

/** One app on one machine, deployed over and over; whoever is killed, the next command follows. */
export class Scene {
  readonly strategy: Strategy
  readonly app: string
  readonly killer: Killer
  readonly #stage: Stage
  readonly instance: Instance
  readonly versions: readonly Version[]
  /** HOME and TMPDIR of the scripts. */
  readonly temporary = mkdtempSync(join(tmpdir(), 'landfall-kills-home-'))
  readonly #volume: string
  #generation = 0
  #fence = 0
  live: Release = { generation: 0, version: { image: '', digest: '', text: '' } }

  private constructor(
    stage: Stage,
    strategy: Strategy,
    instance: Instance,
    versions: readonly Version[],
  ) {
    this.#stage = stage
    this.strategy = strategy
    this.app = stage.app(`kill-${strategy}`)
    this.killer = createKiller(this.app)
    this.instance = instance
    this.versions = versions
    this.#volume = `landfall-${this.app}`
  }

  static async open(stage: Stage, strategy: Strategy, extent: Extent): Promise<Scene> {
    const texts = ['one', 'two', 'three', 'four'].map((number) => `${strategy}-${number}`)
    const versions = await Promise.all(
      texts
        .slice(0, extent.versions)
        .map(async (text) => ({ ...(await stage.publish(text)), text })),
    )
    const scene = new Scene(stage, strategy, await stage.instance(), versions)
    for (let left = extent.releases; left > 0; left -= 1) {
      scene.live = await scene.next()
      const order = scene.order(scene.live, {}, left === 1 && extent.hasPredeploy)
      const answer = await (left > 1 ? scene.send(order) : scene.note(order))
      if (answer.outcome !== 'succeeded') throw new Error(answer.output)
    }
    return scene
  }

  async close(): Promise<void> {
    this.killer.close()
    rmSync(this.temporary, { recursive: true })
    await docker(['rm', '--force', ...(await this.containers('--all'))]).catch(() => undefined)
    await docker(['volume', 'rm', '--force', this.#volume])
  }

  secretOf = (generation: number): string => `planted-secret-${generation}-`

  order({ generation, version }: Release, more: Partial<Order>, hasPredeploy: boolean): Order {
    this.#fence += 1
    return {
      app: this.app,
      generation,
      fence: this.#fence,
      image: version.image,
      digest: version.digest,
      envelope: [
        `secret TOKEN=${this.secretOf(generation)}`,
        ...(this.strategy === 'recreate' ? ['env DATA=/data'] : []),
        `registry ${this.#stage.address}`,
        `username ${credentials.username}`,
        `password ${credentials.password}`,
      ],
      settings: {
        strategy: this.strategy,
        hold: 600,
        keep: 1,
        grace: 0,
        healthInterval: 0.1,
        healthTimes: 1,
        healthTimeout: 120,
        predeploy: hasPredeploy ? ['true'] : [],
        ...(this.strategy === 'recreate' ? { volume: [`${this.#volume}:/data`] } : {}),
      },
      ...more,
    }
  }

  /** The next release, of an image that is not here: it has to be pulled. */
  async next(): Promise<Release> {
    this.#generation += 1
    const labels = ['--filter', `label=landfall.app=${this.app}`]
    const format = ['--format', '{{.Label "landfall.digest"}}']
    const used = await docker(['ps', '--all', ...labels, ...format])
    const version = this.versions.find(({ digest }) => !used.includes(digest))
    if (version === undefined) throw new Error(`every image is in use: ${used}`)
    await docker(['rmi', '--force', `${version.image}@${version.digest}`]).catch(() => undefined)
    return { generation: this.#generation, version }
  }

  #run(order: Order, environment: Readonly<Record<string, string>>, edit?: Edit) {
    const own = { TMPDIR: this.temporary, HOME: this.temporary }
    this.instance.environment = { ...environment, ...own }
    return this.instance.deploy(order, edit)
  }

  /** As every deployment runs. */
  send(order: Order): Promise<HostAnswer> {
    return this.#run(order, {})
  }

  /** Notes its points, and is killed at this one. */
  note(order: Order, at?: Point, attempt?: number): Promise<HostAnswer> {
    return this.#run(order, this.killer.environment(at, attempt), this.killer.edit)
  }

  /** Goes on at this point with an engine that is stopped or restarted by this program. */
  interrupt(order: Order, at: Point, program: string, outage: Outage): Promise<HostAnswer> {
    const engine = { KILL_ENGINE: program, KILL_HOW: outage }
    const edit: Edit = (script) =>
      this.killer.edit(outage === 'gone' ? hastenWaitForEngine(script) : script)
    return this.#run(order, { ...this.killer.environment(at), ...engine }, edit)
  }

  async containers(...options: readonly string[]): Promise<readonly string[]> {
    const labels = ['--filter', `label=landfall.app=${this.app}`, '--format', '{{.Names}}']
    return lines(await docker(['ps', ...options, ...labels]))
  }

  nameOf = (generation: number): string => `landfall-${this.app}.${generation}`
}

/** Asks one request after the other until told to stop. */
export const startAsking = (port: number): (() => Promise<readonly string[]>) => {
  const ending = new AbortController()
  const failed: string[] = []
  const asking = (async () => {
    while (!ending.signal.aborted) {
      await ask(port).catch((error: unknown) => failed.push(String(error)))
      await sleep(inFull(20, 100))
    }
  })()
  return async () => {
    ending.abort()
    await asking
    return failed
  }
}
