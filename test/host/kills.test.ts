import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { baseImage } from '../../local/docker/images.ts'
import { inFull } from '../support/size.ts'
import { filesBelow, findWrong } from './aftermath.ts'
import type { HostAnswer } from './instance.ts'
import { createKiller, type Point } from './killer.ts'
import { ask } from './load.ts'
import { credentials, Scene, startAsking, strategies, type Extent, type Strategy } from './scene.ts'
import { openStage, type Stage } from './stage.ts'

/**
 * The full size and `npm run test:faults` take `all` points; the names of steps (`switch,prune`) take theirs.
 * Otherwise it is one of each step of blue-green, and of the others where they differ from it.
 */
const wanted = process.env['LANDFALL_FAULTS']?.split(',') ?? inFull(['all'], undefined)

type FollowUp = 'restore' | 'newer' | 'same'

/**
 * What comes after a kill: most often the live release is restored; a newer one is ordered; or the same order
 * is sent again.
 */
const followUps = inFull<readonly FollowUp[]>(
  ['restore', 'newer', 'restore', 'same'],
  ['restore', 'newer', 'restore', 'restore', 'restore', 'same'],
)

const web = 'lock inspect pull configure predeploy start check switch drain retire prune'.split(' ')
const steps: Readonly<Record<Strategy, readonly string[]>> = {
  'blue-green': web,
  recreate: web.toSpliced(web.indexOf('predeploy'), 0, 'stop'),
  worker: web,
}

const neighbour = `landfall-kills-neighbour-${process.pid}`
let stage: Stage
/** When the neighbour was started, and that it still runs. */
const lookNextDoor = (): Promise<string> =>
  docker(['inspect', '--format', '{{.State.Running}} {{.State.StartedAt}}', neighbour])
let nextDoor = ''
const scenes = new Map<Strategy, Scene>()

beforeAll(async () => {
  stage = await openStage({ credentials })
  await docker(['run', '--detach', '--init', '--name', neighbour, baseImage, 'sleep', '86400'])
  nextDoor = await lookNextDoor()
})
afterAll(async () => {
  await docker(['rm', '--force', neighbour]).catch(() => undefined)
  await stage.close()
})

interface Ending {
  readonly point: Point
  readonly followUp: FollowUp
  readonly on: 'old' | 'new'
  readonly wrong: readonly string[]
}

/** Kills one deployment at a point, lets the next command come and looks what there is. */
const killAt = async (scene: Scene, point: Point, index: number): Promise<Ending> => {
  const { instance, strategy, live: old, app } = scene
  // Half a file is found where the next command does not write it anew.
  const isHalfFile = point.when === 'inside' && point.call.startsWith('cat ')
  const followUp = isHalfFile ? 'restore' : (followUps[index % followUps.length] ?? 'restore')
  const release = await scene.next()
  const releases = readdirSync(join(instance.root, app, 'releases'))
  const lived = new Set(releases.map(Number))
  const hasPredeploy = wanted !== undefined || point.step === 'predeploy'
  const order = scene.order(release, {}, hasPredeploy)
  const stopAsking = strategy === 'worker' ? async () => [] : startAsking(instance.port)
  const wrong: string[] = []
  const killed = await scene.note(order, point, index)
  if (killed.code !== null) wrong.push(`was not killed: ${killed.output}`)
  if (strategy === 'blue-green') {
    const text = await ask(instance.port).catch(String)
    if (![old.version.text, release.version.text].includes(text))
      wrong.push(`after the kill: ${text}`)
  }
  // It may have been live between the two commands.
  lived.add(Number(readFileSync(join(instance.root, app, 'live'), 'utf8').split(' ')[0]))
  const target = { restore: old, newer: release, same: release }[followUp]
  const expected = followUp === 'newer' ? await scene.next() : target
  const next = {
    restore: () => scene.order(old, { mode: 'restore' }, hasPredeploy),
    newer: () => scene.order(expected, {}, hasPredeploy),
    same: () => order,
  }[followUp]()
  const answer = await scene.send(next)
  const { outcome, serving, message } = answer
  if (outcome !== 'succeeded' || serving?.generation !== expected.generation)
    wrong.push(`the next command: ${outcome} ${message} ${JSON.stringify(serving)}`)
  if (followUp === 'newer') {
    const names = answer.steps.map(({ name }) => name)
    if (names.join() !== steps[strategy].join()) wrong.push(`steps: ${names.join(' ')}`)
  }
  wrong.push(...(await stopAsking()))
  scene.live = expected
  lived.add(expected.generation)
  const isPruned = point.step !== 'prune' || followUp !== 'same'
  wrong.push(...(await findWrong(scene, lived, isPruned)))
  return { point, followUp, on: expected === old ? 'old' : 'new', wrong }
}

const describePoint = ({ step, call, time, when }: Point): string =>
  `${step}: ${when} ${call}${time > 1 ? ` (${time})` : ''}`

const printEnding = ({ point, followUp, on, wrong }: Ending, strategy: Strategy): void => {
  const how = wrong.length === 0 ? `ended on the ${on}` : `WRONG: ${wrong.join('; ')}`
  process.stdout.write(`${strategy}, ${describePoint(point)}; then ${followUp}: ${how}\n`)
}

/**
 * The steps in which the usual size kills a run: in each of them a blue-green leaves something else behind, such as a
 * file, an image or a container. Only a recreate can be killed with the old container stopped and no new one.
 */
const sampled: Readonly<Record<Strategy, readonly string[]>> = {
  'blue-green': 'open inspect pull configure predeploy start switch retire prune'.split(' '),
  recreate: ['stop'],
  // Its steps are those of a blue-green without a proxy.
  worker: [],
}
const looked = strategies.filter((strategy) => wanted !== undefined || sampled[strategy].length > 0)

const whole: Extent = { releases: 3, versions: 4, hasPredeploy: true }
/** No sampled place of a recreate needs a third release or a predeploy. */
const extentOf = (strategy: Strategy): Extent =>
  wanted === undefined && strategy === 'recreate'
    ? { releases: 2, versions: 3, hasPredeploy: false }
    : whole

/** One point of each step that is looked at, not the same one in each strategy; or all of them. */
const choose = (points: readonly Point[], strategy: Strategy): readonly Point[] => {
  if (wanted?.includes('all')) return points
  if (wanted !== undefined) return points.filter(({ step }) => wanted.includes(step))
  return sampled[strategy].map((step) => {
    const inStep = points.filter((point) => point.step === step)
    const share = (strategies.indexOf(strategy) + 1) / (strategies.length + 1)
    return (
      inStep[Math.floor(inStep.length * share)] ??
      expect.unreachable(`no place in the step ${step}`)
    )
  })
}

const printTable = (
  strategy: Strategy,
  all: readonly Point[],
  endings: readonly Ending[],
  ms: number,
) => {
  const rows = [...new Set(all.map(({ step }) => step))].map((step) => {
    const of = endings.filter(({ point }) => point.step === step)
    const count = (on: string) => String(of.filter((ending) => ending.on === on).length).padStart(4)
    const bad = String(of.filter(({ wrong }) => wrong.length > 0).length).padStart(6)
    const total = all.filter((point) => point.step === step).length
    return `  ${step.padEnd(10)} ${`${of.length} of ${total}`.padStart(9)} ${count('old')} ${count('new')} ${bad}`
  })
  const head = `  ${'step'.padEnd(10)} ${'points'.padStart(9)}  old  new  wrong`
  process.stdout.write(
    [
      `${strategy}: killed at ${endings.length} of ${all.length} points in ${Math.round(ms / 1000)} s`,
      head,
      ...rows,
      '',
    ].join('\n'),
  )
}

describe.concurrent('a killed run', () => {
  beforeAll(async () => {
    // One after the other, since these machines share an engine: its network is made once, a pair of addresses given once.
    for (const strategy of looked)
      scenes.set(strategy, await Scene.open(stage, strategy, extentOf(strategy)))
  })
  afterAll(async () => {
    for (const scene of scenes.values()) await scene.close()
  })

  test.each(looked)(
    '%s: the next command after a kill at any point ends correctly and leaves nothing',
    { timeout: wanted ? 3_600_000 : 600_000 },
    async (strategy) => {
      const scene = scenes.get(strategy)
      if (scene === undefined) throw new Error('no scene was opened')
      const points = scene.killer.points()
      expect([...new Set(points.map(({ step }) => step))]).toEqual(['open', ...steps[strategy]])
      const began = Date.now()
      const endings: Ending[] = []
      for (const [index, point] of choose(points, strategy).entries()) {
        const ending = await killAt(scene, point, index)
        endings.push(ending)
        if (wanted !== undefined || ending.wrong.length > 0) printEnding(ending, strategy)
      }
      printTable(strategy, points, endings, Date.now() - began)
      const wrong = endings
        .filter((ending) => ending.wrong.length > 0)
        .map(({ point, followUp, wrong }) => [describePoint(point), followUp, ...wrong])
      expect(wrong).toEqual([])
      expect(await lookNextDoor()).toBe(nextDoor)
    },
  )
})

test('the prepare after a killed one answers with a certificate of the one key', async () => {
  const instance = await stage.instance()
  const home = join(instance.root, 'instance')
  const killer = createKiller('prepare-app')
  // As on a machine that was cloned: the key is made anew.
  const prepare = async (at?: Point): Promise<HostAnswer> => {
    rmSync(join(home, 'instance'))
    instance.environment = killer.environment(at)
    return instance.prepare(undefined, killer.edit)
  }
  expect(await prepare()).toMatchObject({ outcome: 'succeeded' })
  const all = killer.points()
  const points = wanted?.includes('all') ? all : all.filter((_, index) => index % 6 === 3)
  for (const point of points) {
    expect((await prepare(point)).code, describePoint(point)).toBeNull()
    instance.environment = {}
    expect(await instance.prepare()).toMatchObject({ outcome: 'succeeded' })
    const certificate = new X509Certificate(instance.certificate)
    const key = createPrivateKey(readFileSync(join(home, 'key.pem')))
    expect(certificate.checkPrivateKey(key), describePoint(point)).toBe(true)
    const files = ['cert.pem', 'instance', 'key.pem', 'lock', 'metadata.lock']
    expect(filesBelow(home), describePoint(point)).toEqual(files)
  }
  killer.close()
  process.stdout.write(`prepare: killed at ${points.length} of ${all.length} points\n`)
})
