import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isFull } from '../support/size.ts'
import { findWrong } from './aftermath.ts'
import { canRestartEngine, createEngineControl, type EngineControl, type Outage } from './engine.ts'
import type { HostAnswer } from './instance.ts'
import type { Point } from './killer.ts'
import { credentials, Scene, strategies, type Extent, type Strategy } from './scene.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
let engine: EngineControl

/** In the full size and for `npm run test:faults` each place, one outage after the other. */
const isWhole = isFull || process.env['LANDFALL_FAULTS'] !== undefined
/** Each sampled place is in a step that the first deployment of an app has as well. */
const extent: Extent = isWhole
  ? { releases: 2, versions: 4, hasPredeploy: true }
  : { releases: 1, versions: 3, hasPredeploy: false }
const outages: readonly Outage[] = ['down', 'gone', 'back']

/** The begin of each step, and in the full size each call of docker that changes something. */
const isLookedAt = ({ call, when }: Point): boolean =>
  call === 'begin' || (call.startsWith('docker ') && (when === 'inside' || isWhole))

interface Case {
  readonly point: Point
  readonly outage: Outage
}

/**
 * What the usual size shows, each outage once: with the new container beside the old one, and with the old one stopped.
 * The steps of a worker are those of a blue-green without a proxy.
 */
const sampled: Readonly<Record<Strategy, readonly (readonly [string, Outage])[]>> = {
  'blue-green': [
    ['start', 'gone'],
    ['check', 'back'],
  ],
  recreate: [['start', 'down']],
  worker: [],
}

const choose = (points: readonly Point[], strategy: Strategy): readonly Case[] => {
  const places = points.filter(isLookedAt)
  if (isWhole)
    return places.map((point, index) => ({ point, outage: outages[index % 3] ?? 'down' }))
  return sampled[strategy].map(([step, outage]) => {
    const of = places.filter((point) => point.step === step)
    // In the middle of a call rather than at the begin of the step.
    const point = of.findLast(({ when }) => when === 'inside') ?? of[0]
    if (point === undefined) throw new Error(`no place in the step ${step}`)
    return { point, outage }
  })
}

const describeCase = ({ point: { step, call, time, when }, outage }: Case): string =>
  `${step}: ${when} ${call}${time > 1 ? ` (${time})` : ''}, the engine is ${outage}`

/** What is wrong with an answer whose run had no engine for a while. */
const judge = (answer: HostAnswer, isLive: boolean): readonly string[] => {
  const { outcome, reason, message } = answer
  if (outcome === 'succeeded') return isLive ? [] : ['it has not become live']
  const isTold = reason === 'docker_unavailable' && message.startsWith('Docker ')
  return isTold ? [] : [`the reason is ${outcome} ${reason}: ${message}`]
}

/** Takes the engine from one deployment, and lets the next one come. */
const interruptAt = async (scene: Scene, one: Case): Promise<readonly string[]> => {
  const { instance, app, live: old } = scene
  const root = join(instance.root, app)
  const lived = new Set(readdirSync(join(root, 'releases')).map(Number))
  const release = await scene.next()
  const order = scene.order(release, {}, true)
  const answer = await scene.interrupt(order, one.point, engine.program, one.outage)
  const isLive = readFileSync(join(root, 'live'), 'utf8').startsWith(`${release.generation} `)
  const wrong = [...judge(answer, isLive)]
  process.stdout.write(
    `  ${describeCase(one)}: ${answer.outcome} ${answer.reason}: ${answer.message}\n`,
  )
  if (isLive) {
    scene.live = release
    lived.add(release.generation)
  }
  if (one.outage === 'gone') {
    // What it could not undo is known to the next command.
    if (!isLive && answer.steps.length > 2 && !existsSync(join(root, 'run')))
      wrong.push('its note is gone')
    await engine.start()
  } else {
    if (answer.serving?.generation !== (isLive ? release : old).generation)
      wrong.push(`serving ${JSON.stringify(answer.serving)}`)
    wrong.push(...(await findWrong(scene, lived, !isLive)))
  }
  const newer = await scene.next()
  const next = await scene.send(scene.order(newer, {}, true))
  if (next.outcome !== 'succeeded') wrong.push(`the next command: ${next.reason} ${next.message}`)
  scene.live = newer
  lived.add(newer.generation)
  return [...wrong, ...(await findWrong(scene, lived, true))]
}

describe.skipIf(!canRestartEngine())('an engine that is restarted while a run is at work', () => {
  beforeAll(async () => {
    engine = createEngineControl()
    stage = await openStage({ credentials })
  })
  afterAll(async () => {
    await engine.start()
    await stage.close()
    engine.close()
  })

  test.each(strategies.filter((strategy) => isWhole || sampled[strategy].length > 0))(
    '%s: the old release serves or the new one, the reason names Docker, and the next commit is deployed',
    { timeout: isWhole ? 3_600_000 : 600_000 },
    async (strategy) => {
      const scene = await Scene.open(stage, strategy, extent)
      const cases = choose(scene.killer.points(), strategy)
      const wrong: (readonly string[])[] = []
      for (const one of cases) {
        const found = await interruptAt(scene, one)
        if (found.length > 0) wrong.push([describeCase(one), ...found])
      }
      await scene.close()
      expect(wrong).toEqual([])
      expect(cases.length).toBeGreaterThanOrEqual(isWhole ? 15 : sampled[strategy].length)
    },
  )
})
