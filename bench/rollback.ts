import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../local/docker/docker.ts'
import { createAlarm, type TeamAlarm } from '../local/team/alarm.ts'
import type { ShownDeployment } from '../local/team/operators.ts'
import { toCommit } from '../local/team/team.ts'
import { deployAnother, hostSteps, sum, toParts } from './deployment.ts'
import { startProber } from './prober.ts'
import { print, type Figure } from './report.ts'
import { median, toSeconds } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const barMilliseconds = 3000
const longestSeconds = 60

interface Stage {
  readonly team: BenchTeam
  readonly base: string
  readonly alarm: TeamAlarm
  /** The release that every round goes back to. */
  readonly good: { readonly generation: number; readonly commit: string; readonly digest: string }
}

/** One way to be told, and what is left on the host of the release to go back to. */
interface Way {
  readonly name: string
  readonly rounds: number
  readonly isPulled: boolean
  readonly ask: (stage: Stage) => Promise<unknown>
}

const byAlarm = ({ alarm }: Stage): Promise<void> => alarm.set('ALARM')
const byPerson = ({ team }: Stage): Promise<unknown> =>
  team.operators.invoke('rollback', { app: team.app })

const ways: readonly Way[] = [
  { name: 'alarm, on the host', rounds: 5, isPulled: false, ask: byAlarm },
  { name: 'alarm, to be pulled', rounds: 5, isPulled: true, ask: byAlarm },
  { name: 'person, on the host', rounds: 3, isPulled: false, ask: byPerson },
]

/** As if the release had been pruned: its container and its image are gone. */
const removeFromHost = async ({ team, good }: Stage): Promise<void> => {
  const labels = [`landfall.app=${team.app}`, `landfall.generation=${good.generation}`]
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`])
  const ids = (await docker(['ps', '--all', '--quiet', ...filters])).split('\n').filter(Boolean)
  await docker(['rm', '--force', ...ids])
  const image = `${team.registry}/${team.repository}@${good.digest}`
  await docker(['rmi', '--force', `landfall/${team.app}:${good.generation}`, image])
}

/** What does not go back, or not in the way that is measured, is no figure. */
const holdTo = ({ isPulled }: Way, ended: ShownDeployment): void => {
  const pull = ended.steps.flatMap(({ steps }) => steps).find(({ name }) => name === 'pull')
  const isAsSaid = ended.kind === 'rollback' && ended.status === 'succeeded'
  if (!isAsSaid || (pull?.status === 'succeeded') !== isPulled)
    throw new Error(
      `deployment #${ended.generation}, a ${ended.kind}, pull ${pull?.status}: ${ended.reason} ${ended.message ?? ''}`,
    )
}

const giveUp = async (): Promise<never> => {
  await sleep(longestSeconds * 1000, undefined, { ref: false })
  throw new Error(`nothing came back within ${longestSeconds} s`)
}

/** The whole time, and that of the host script's steps until the first answer. */
interface Timing {
  readonly total: number
  readonly parts: Readonly<Record<string, number>>
}

/** A release that is doubted, and the way back: from the word to the first answer of the one before. */
const goBack = async (stage: Stage, way: Way, round: number): Promise<Timing> => {
  const { team, base, alarm, good } = stage
  await alarm.set('OK')
  // The second rollback within an hour freezes the app.
  await team.operators.invoke('unfreeze', { app: team.app })
  const doubted = await deployAnother(team, base, toCommit(`bench ${way.name} ${round}`))
  if (way.isPulled) await removeFromHost(stage)
  const prober = await startProber(`http://127.0.0.1:${team.port}/`, good.commit)
  try {
    const askedAt = Date.now()
    await way.ask(stage)
    const seenAt = await Promise.race([prober.seenAt, giveUp()])
    const ended = await team.operators.waitForEnd(team.app, doubted + 1)
    holdTo(way, ended)
    return { total: seenAt - askedAt, parts: toParts(ended) }
  } finally {
    prober.stop()
  }
}

const toFigures = ({ name, isPulled }: Way, timings: readonly Timing[]): readonly Figure[] => {
  const totals = timings.map(({ total }) => total)
  const outside = timings.map(({ total, parts }) => total - sum(parts, hostSteps))
  const steps = hostSteps.map((step) => {
    const milliseconds = median(timings.map(({ parts }) => parts[step] ?? 0))
    return `${step} ${milliseconds.toFixed(0)}`
  })
  const bar = { bar: `< ${barMilliseconds / 1000} s`, isKept: median(totals) < barMilliseconds }
  return [
    { what: `${name}: to the first answer`, measured: toSeconds(totals), ...(isPulled ? {} : bar) },
    { what: '  outside the host script', measured: toSeconds(outside) },
    { what: '  its steps, ms', measured: steps.join(', ') },
  ]
}

const openStage = async (team: BenchTeam, base: string): Promise<Stage> => {
  const commit = toCommit('bench good')
  const generation = await deployAnother(team, base, commit)
  const { live } = await team.operators.status(team.app)
  if (live?.generation !== generation) throw new Error('there is no release to go back to')
  const alarm = await createAlarm(team, team.alarmName)
  return { team, base, alarm, good: { generation, commit, digest: live.digest } }
}

/** From the word of an alarm or a person to the first answer of the release before, way by way. */
export const measureRollback = async (
  team: BenchTeam,
  base: string,
): Promise<readonly Figure[]> => {
  const stage = await openStage(team, base)
  const figures: Figure[] = []
  for (const way of ways) {
    const timings: Timing[] = []
    for (let round = 1; round <= way.rounds; round += 1) {
      print(`rollback, ${way.name}: round ${round} of ${way.rounds}`)
      timings.push(await goBack(stage, way, round))
    }
    figures.push(...toFigures(way, timings))
  }
  return figures
}
