import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import type { Point } from './killer.ts'
import { ask } from './load.ts'
import { credentials, findWrong, Scene, startAsking, strategies, type Strategy } from './scene.ts'
import { openStage, type Stage } from './stage.ts'

/**
 * `npm run test:faults` takes `all` points; the names of steps (`switch,prune`) take theirs. Otherwise it is
 * one of each step, a different one in each strategy.
 */
const wanted = process.env['LANDFALL_FAULTS']?.split(',')

/** What comes after a kill: the live release is restored, a newer one ordered, or the same order sent again. */
const followUps = ['restore', 'newer', 'same'] as const

const web = 'lock inspect pull configure predeploy start check switch drain retire prune'.split(' ')
const steps: Readonly<Record<Strategy, readonly string[]>> = {
  'blue-green': web,
  recreate: web.toSpliced(web.indexOf('predeploy'), 0, 'stop'),
  worker: web,
}

const neighbour = `landfall-kills-neighbour-${process.pid}`
let stage: Stage
const scenes = new Map<Strategy, Scene>()

beforeAll(async () => {
  stage = await openStage({ credentials })
  await docker(['login', '--username', credentials.username, '--password-stdin', stage.address], {
    input: credentials.password,
  })
  // One after the other, since these machines share an engine: its network is made once, a pair of addresses given once.
  for (const strategy of strategies) scenes.set(strategy, await Scene.open(stage, strategy))
  await docker(['logout', stage.address])
})
afterAll(async () => {
  for (const scene of scenes.values()) await scene.close()
  await docker(['rm', '--force', neighbour]).catch(() => undefined)
  await stage.close()
})

interface Ending {
  readonly point: Point
  readonly followUp: (typeof followUps)[number]
  readonly on: 'old' | 'new'
  readonly wrong: readonly string[]
}

/** Kills one deployment at a point, lets the next command come and looks what there is. */
const killAt = async (scene: Scene, point: Point, index: number): Promise<Ending> => {
  const { instance, strategy, live: old, app } = scene
  const followUp = followUps[index % followUps.length] ?? 'restore'
  const release = await scene.next()
  const lived = new Set((await scene.containers('--all')).map((name) => Number(name.split('.')[1])))
  const order = scene.order(release)
  const stopAsking = strategy === 'worker' ? async () => [] : startAsking(instance.port)
  const wrong: string[] = []
  const killed = await scene.send(order, point, index)
  if (killed.code !== null) wrong.push(`was not killed: ${killed.output}`)
  if (strategy === 'blue-green') {
    const text = await ask(instance.port).catch(String)
    if (![old.version.text, release.version.text].includes(text))
      wrong.push(`after the kill: ${text}`)
  }
  // It may have been live between the two commands.
  lived.add(Number(readFileSync(join(instance.root, app, 'live'), 'utf8').split(' ')[0]))
  const target = { restore: old, newer: release, same: release }[followUp]
  const wanted = followUp === 'newer' ? await scene.next() : target
  const next = {
    restore: () => scene.order(old, { mode: 'restore' }),
    newer: () => scene.order(wanted),
    same: () => order,
  }[followUp]()
  const answer = await scene.send(next)
  const { outcome, serving, message } = answer
  if (outcome !== 'succeeded' || serving?.generation !== wanted.generation)
    wrong.push(`the next command: ${outcome} ${message} ${JSON.stringify(serving)}`)
  if (followUp === 'newer') {
    const names = answer.steps.map(({ name }) => name)
    if (names.join() !== steps[strategy].join()) wrong.push(`steps: ${names.join(' ')}`)
  }
  wrong.push(...(await stopAsking()))
  scene.live = wanted
  lived.add(wanted.generation)
  wrong.push(...(await findWrong(scene, lived)))
  return { point, followUp, on: wanted === old ? 'old' : 'new', wrong }
}

const describePoint = ({ step, call, time, when }: Point): string =>
  `${step}: ${when} ${call}${time > 1 ? ` (${time})` : ''}`

const printEnding = ({ point, followUp, on, wrong }: Ending, strategy: Strategy): void => {
  const how = wrong.length === 0 ? `ended on the ${on}` : `WRONG: ${wrong.join('; ')}`
  process.stdout.write(`${strategy}, ${describePoint(point)}; then ${followUp}: ${how}\n`)
}

/** One point of each step, so that the strategies take different ones; or all of them. */
const choose = (points: readonly Point[], strategy: Strategy): readonly Point[] => {
  if (wanted?.includes('all')) return points
  if (wanted !== undefined) return points.filter(({ step }) => wanted.includes(step))
  return [...new Set(points.map(({ step }) => step))].flatMap((step) => {
    const inStep = points.filter((point) => point.step === step)
    const share = (strategies.indexOf(strategy) + 1) / (strategies.length + 1)
    return inStep[Math.floor(inStep.length * share)] ?? []
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

describe.concurrent('a run that is killed', () => {
  test.each(strategies)(
    '%s: wherever it is, the next command ends right and nothing is left',
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
    },
  )
})
