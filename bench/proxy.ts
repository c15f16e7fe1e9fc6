import { docker, run } from '../local/docker/docker.ts'
import { findProgram } from '../local/docker/packages.ts'
import { toCommit } from '../local/team/team.ts'
import { pushFastApp } from './fast-app.ts'
import { startProber } from './prober.ts'
import type { Figure } from './report.ts'
import { median } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const rounds = 5
const seconds = 2
const bareName = 'landfall-bench-bare'
/** Connections, and of the bare demo app's requests the least percent that comes through the proxy. */
const bars = [
  [16, 45],
  [64, 55],
] as const

const load = async (url: string, connections: number): Promise<number> => {
  const options = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`]
  const told = await run('wrk', [...options, url])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(told)?.[1])
  if (!Number.isFinite(perSecond) || told.includes('Non-2xx')) throw new Error(`wrk: ${told}`)
  return perSecond
}

/** Its own address and port: what listens on loopback is Docker's userland proxy. */
const addressOf = async (container: string, port: number): Promise<string> => {
  const format = '{{range .NetworkSettings.Networks}}{{println .IPAddress}}{{end}}'
  const [address = ''] = (await docker(['inspect', '--format', format, container])).split('\n')
  return `http://${address}:${port}/`
}

interface Pair {
  readonly title: string
  readonly bare: string
  readonly proxied: string
}

const measurePair = async (
  { title, bare, proxied }: Pair,
  connections: number,
  least: number | null,
): Promise<Figure> => {
  const [bareRates, ourRates]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    bareRates.push(await load(bare, connections))
    ourRates.push(await load(proxied, connections))
  }
  const share = median(ourRates.map((rate, round) => (rate / (bareRates[round] ?? NaN)) * 100))
  const rates = [bareRates, ourRates].map((each) => median(each).toFixed(0))
  return {
    what: `${title}, ${connections} connections`,
    measured: `${rates.join(' → ')} requests/s (${share.toFixed(0)} %)`,
    ...(least === null ? {} : { bar: `≥ ${least} %`, isKept: share >= least }),
  }
}

/** The image of an app's live release in a container of its own, until `use` has ended. */
const beside = async <Result>(
  image: string,
  text: string,
  use: (url: string) => Promise<Result>,
): Promise<Result> => {
  await docker(['run', '--detach', '--init', '--name', bareName, image])
  try {
    const url = await addressOf(bareName, 8000)
    const prober = await startProber(url, text)
    await prober.seenAt
    return await use(url)
  } finally {
    await docker(['rm', '--force', bareName])
  }
}

const deployFast = async (team: BenchTeam): Promise<string> => {
  const { fast, registry, operators } = team
  const commit = toCommit('bench fast')
  const digest = await pushFastApp(`${registry}/${fast.repository}`, commit)
  await team.endCi({ commit, repository: fast.repository })
  const ended = await operators.waitForEnd(fast.app, 1)
  if (ended.status !== 'succeeded') throw new Error(`${ended.reason} ${ended.message ?? ''}`)
  return digest
}

/** Requests per second through the proxy and to the same image without one, in turn. */
export const measureProxy = async (team: BenchTeam): Promise<readonly Figure[]> => {
  if (findProgram('wrk') === null)
    return [{ what: 'requests per second', measured: 'not measured: apt-get install wrk' }]
  const proxyAt = (port: number) => addressOf(`landfall-proxy-127.0.0.1-${port}`, 8080)
  const measure = (title: string, image: string, text: string, port: number, hasBar: boolean) =>
    beside(image, text, async (bare) => {
      const pair = { title, bare, proxied: await proxyAt(port) }
      const figures: Figure[] = []
      for (const [connections, least] of bars)
        figures.push(await measurePair(pair, connections, hasBar ? least : null))
      return figures
    })
  const { live } = await team.operators.status(team.app)
  const demo = `${team.registry}/${team.repository}@${live?.digest ?? ''}`
  const fast = `${team.registry}/${team.fast.repository}@${await deployFast(team)}`
  return [
    ...(await measure('the demo app', demo, live?.commit ?? '', team.port, true)),
    ...(await measure('a fast app', fast, 'fast', team.fast.port, false)),
  ]
}
