import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../../local/docker/docker.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { createKiller, type Killer, type Point } from './killer.ts'
import { ask } from './load.ts'
import type { Image, Stage } from './stage.ts'

export type Version = Image & { readonly text: string }

export interface Release {
  readonly generation: number
  readonly version: Version
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

  /** With three releases behind it, so that there is something to prune. */
  static async open(stage: Stage, strategy: Strategy): Promise<Scene> {
    const texts = ['one', 'two', 'three', 'four'].map((number) => `${strategy}-${number}`)
    const versions = await Promise.all(
      texts.map(async (text) => ({ ...(await stage.publish(text)), text })),
    )
    const scene = new Scene(stage, strategy, await stage.instance(), versions)
    for (let number = 0; number < 3; number += 1) {
      scene.live = await scene.next()
      const answer = await scene.send(scene.order(scene.live))
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

  order({ generation, version }: Release, more: Partial<Order> = {}): Order {
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
        hold: 60,
        keep: 1,
        grace: 0,
        healthInterval: 0.1,
        healthTimes: 1,
        healthTimeout: 30,
        predeploy: ['true'],
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

  async send(order: Order, at?: Point, attempt?: number): Promise<HostAnswer> {
    this.instance.environment = {
      ...this.killer.environment(at, attempt),
      TMPDIR: this.temporary,
      HOME: this.temporary,
    }
    return (await this.instance.start(order, this.killer.edit)).answer
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
      await sleep(20)
    }
  })()
  return async () => {
    ending.abort()
    await asking
    return failed
  }
}

export const filesBelow = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()

const processesOf = (root: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(root)
        return isOurs ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')] : []
      } catch {
        return []
      }
    })

/**
 * What is wrong on the machine now that the next command has ended; empty where all is right. What a run
 * killed in `prune` left of releases that were live is the next deployment's to prune: `isPruned` is false.
 */
export const findWrong = async (
  scene: Scene,
  lived: ReadonlySet<number>,
  isPruned: boolean,
): Promise<readonly string[]> => {
  const { app, instance, live, strategy } = scene
  const wrong: string[] = []
  const expectSame = (what: string, is: unknown, should: unknown): void => {
    const [left, right] = [JSON.stringify(is), JSON.stringify(should)]
    if (left !== right) wrong.push(`${what}: ${left}, not ${right}`)
  }
  if (strategy !== 'worker')
    expectSame('answers', await ask(instance.port).catch(String), live.version.text)
  expectSame('running', await scene.containers(), [scene.nameOf(live.generation)])
  const kept = (await scene.containers('--all'))
    .map((name) => Number(name.split('.').at(-1)))
    .sort((a, b) => a - b)
  expectSame(
    'kept without having been live',
    kept.filter((one) => !lived.has(one)),
    [],
  )
  const root = join(instance.root, app)
  const unpruned = readdirSync(`${root}/releases`).filter(
    (one) => !isPruned && !kept.includes(Number(one)) && lived.has(Number(one)),
  )
  const isUnpruned = (path: string): boolean =>
    unpruned.some((one) => path.includes(`releases/${one}/`))
  const listing = ['images', '--digests', '--format', '{{.Digest}}']
  const images = lines(await docker([...listing, live.version.image]))
  const labels = [
    '--filter',
    `label=landfall.app=${app}`,
    '--format',
    '{{.Label "landfall.digest"}}',
  ]
  const needed = lines(await docker(['ps', '--all', ...labels]))
  wrong.push(
    ...scene.versions
      .filter(() => unpruned.length === 0)
      .filter(({ digest }) => images.includes(digest) && !needed.includes(digest))
      .map(({ text }) => `the image ${text} is left`),
  )
  const predeploys = ['ps', '--all', '--quiet', '--filter', `label=landfall.predeploy=${app}`]
  expectSame('predeploy containers', lines(await docker(predeploys)), [])
  const releases = kept.flatMap((one) => [`releases/${one}/env`, `releases/${one}/settings`])
  const state = ['fence', 'fence.lock', 'format', 'instance', 'live', 'lock', 'owner', 'result']
  const files = filesBelow(root).filter((path) => !isUnpruned(path))
  expectSame('state', files, [...state, ...releases].sort())
  expectSame(
    'directories',
    [readdirSync(`${root}/scratch`), readdirSync(`${root}/releases`).sort()],
    [[], [...kept.map(String), ...unpruned].sort()],
  )
  expectSame(
    'host state',
    filesBelow(join(instance.root, 'instance')).filter((path) => /tmp|next|scratch/.test(path)),
    [],
  )
  const secret = execFileSync(
    'sh',
    ['-c', `grep -rl planted . "${scene.temporary}" | sort; true`],
    { cwd: root, encoding: 'utf8' },
  )
  const found = lines(secret).filter((path) => !isUnpruned(path))
  expectSame('secrets', found, kept.map((one) => `./releases/${one}/env`).sort())
  for (const one of kept) {
    const path = join(root, 'releases', String(one), 'env')
    expectSame('mode', statSync(path).mode & 0o777, 0o600)
    expectSame('whole', readFileSync(path, 'utf8').includes(`${scene.secretOf(one)}\n`), true)
  }
  expectSame('temporary files', filesBelow(scene.temporary), [])
  expectSame('processes', processesOf(instance.root), [])
  const locks = [`${app}/lock`, `${app}/fence.lock`, 'instance/proxy.lock']
  const isHeld = 'for lock; do flock --nonblock "$lock" true || echo "$lock"; done'
  const held = execFileSync('sh', ['-c', isHeld, 'sh', ...locks], {
    cwd: instance.root,
    encoding: 'utf8',
  })
  expectSame('locks held', lines(held), [])
  return wrong
}
