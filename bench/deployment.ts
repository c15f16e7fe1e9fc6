import { join } from 'node:path'
import { run, docker } from '../local/docker/docker.ts'
import type { ShownDeployment } from '../local/team/operators.ts'
import { freePort } from '../local/docker/free-port.ts'
import { toCommit } from '../local/team/team.ts'
import { startProber } from './prober.ts'
import { pushRelease } from './release.ts'
import { print, type Figure } from './report.ts'
import { median, toSeconds } from './statistics.ts'
import { health, type BenchTeam } from './team.ts'

const rounds = 5
const barMilliseconds = 1000
const bareName = 'landfall-bench-bare'
/** Until the first answer; `drain`, `retire` and `prune` come after it. */
export const hostSteps = [
  'lock',
  'inspect',
  'pull',
  'configure',
  'predeploy',
  'start',
  'check',
  'switch',
]
const bareParts = ['pull', 'start', 'check'] as const

/** Milliseconds from the webhook's receipt, and of each part. */
interface Timing {
  readonly total: number
  readonly parts: Readonly<Record<string, number>>
}

const push = (team: BenchTeam, base: string, tag: string): Promise<void> =>
  pushRelease({ registry: team.registry, repository: team.repository, base, tag, version: tag })

export const toParts = ({ steps }: ShownDeployment): Readonly<Record<string, number>> => {
  const deployed = steps.find(({ purpose }) => purpose === 'deploy')?.steps ?? []
  return Object.fromEntries(deployed.map(({ name, seconds }) => [name, (seconds ?? 0) * 1000]))
}

/** One deployment by a signed webhook, until the proxy answers with it; then its end is waited for. */
const deploy = async (team: BenchTeam, commit: string, generation: number): Promise<Timing> => {
  const prober = await startProber(`http://127.0.0.1:${team.port}/`, commit)
  try {
    const sentAt = Date.now()
    await team.endCi({ commit, repository: team.repository })
    const answered = Date.now() - sentAt
    const ended = await team.operators.waitForEnd(team.app, generation)
    if (ended.status !== 'succeeded')
      throw new Error(`deployment #${generation}: ${ended.reason} ${ended.message ?? ''}`)
    const total = (await prober.seenAt) - sentAt
    return { total, parts: { webhook: answered, ...toParts(ended) } }
  } finally {
    prober.stop()
  }
}

/** The same image size the bare way, on a port of its own. */
const runBare = async (team: BenchTeam, tag: string, port: number): Promise<Timing> => {
  const image = `${team.registry}/${team.repository}:${tag}`
  const { path, intervalSeconds, times } = health
  const order = [image, bareName, port, path, intervalSeconds, times].map(String)
  try {
    const printed = await run(join(import.meta.dirname, 'bare.sh'), order)
    const [pull = NaN, start = NaN, check = NaN, total = NaN] = printed
      .trim()
      .split(' ')
      .map(Number)
    return { total, parts: { pull, start, check } }
  } finally {
    await docker(['rm', '--force', '--volumes', bareName])
    await docker(['rmi', image]).catch(() => undefined)
  }
}

/** The first deployment starts the proxy; it is not counted, and its image is what the others add to. */
export const deployBase = async (team: BenchTeam): Promise<string> => {
  const base = toCommit('bench base')
  await team.pushImage(team.repository, base, { VERSION: base })
  await deploy(team, base, 1)
  return base
}

/** Deploys another commit on top of the base; its number. */
export const deployAnother = async (
  team: BenchTeam,
  base: string,
  commit: string,
): Promise<number> => {
  const { deployments } = await team.operators.status(team.app)
  const generation = (deployments[0]?.generation ?? 0) + 1
  await push(team, base, commit)
  await deploy(team, commit, generation)
  return generation
}

const toStepFigure = (name: string, ours: readonly Timing[], bare: readonly Timing[]): Figure => {
  const of = (timings: readonly Timing[]): number =>
    median(timings.map(({ parts }) => parts[name] ?? 0))
  const beside = bareParts.some((part) => part === name) ? `, bare ${of(bare).toFixed(0)} ms` : ''
  return { what: `  ${name}`, measured: `${of(ours).toFixed(0)} ms${beside}` }
}

export const sum = (parts: Timing['parts'], names: readonly string[]): number =>
  names.reduce((total, name) => total + (parts[name] ?? 0), 0)

const toFigures = (ours: readonly Timing[], bare: readonly Timing[]): readonly Figure[] => {
  const overheads = ours.map(({ total }, round) => total - (bare[round]?.total ?? NaN))
  const script = ours.map(({ parts }) => sum(parts, hostSteps) - sum(parts, bareParts))
  const elsewhere = ours.map(({ total, parts }) => total - sum(parts, hostSteps))
  return [
    { what: 'docker pull && docker run', measured: toSeconds(bare.map(({ total }) => total)) },
    { what: 'Landfall, webhook to answer', measured: toSeconds(ours.map(({ total }) => total)) },
    {
      what: 'overhead, round by round',
      measured: toSeconds(overheads),
      bar: `< ${barMilliseconds / 1000} s`,
      isKept: median(overheads) < barMilliseconds,
    },
    { what: 'outside the host script', measured: toSeconds(elsewhere) },
    toStepFigure('webhook', ours, bare),
    { what: 'own steps of the host script', measured: toSeconds(script) },
    ...hostSteps.map((name) => toStepFigure(name, ours, bare)),
  ]
}

/** Both ways in turn, each with an image that was pushed just before and that nobody has pulled. */
export const measureDeployment = async (
  team: BenchTeam,
  base: string,
): Promise<readonly Figure[]> => {
  const port = await freePort()
  const ours: Timing[] = []
  const bare: Timing[] = []
  for (let round = 1; round <= rounds; round += 1) {
    print(`deployment: round ${round} of ${rounds}`)
    const commit = toCommit(`bench ${round}`)
    await push(team, base, commit)
    await push(team, base, `bare-${round}`)
    const one = async () => ours.push(await deploy(team, commit, round + 1))
    const other = async () => bare.push(await runBare(team, `bare-${round}`, port))
    for (const way of round % 2 === 1 ? [one, other] : [other, one]) await way()
  }
  return toFigures(ours, bare)
}
