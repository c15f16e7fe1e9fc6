import { docker, run } from '../local/docker/docker.ts'
import { findProgram } from '../local/docker/packages.ts'
import { freePort } from '../local/docker/free-port.ts'
import { startProber } from './prober.ts'
import type { Figure } from './report.ts'
import { median } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const rounds = 3
const seconds = 2
const bareName = 'landfall-bench-bare'

const load = async (port: number): Promise<number> => {
  const options = ['--threads', '1', '--connections', '16', '--duration', `${seconds}s`]
  const told = await run('wrk', [...options, `http://127.0.0.1:${port}/`])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(told)?.[1])
  if (!Number.isFinite(perSecond) || told.includes('Non-2xx')) throw new Error(`wrk: ${told}`)
  return perSecond
}

const measureBoth = async (bare: number, ours: number): Promise<readonly Figure[]> => {
  const [bareRates, ourRates]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    bareRates.push(await load(bare))
    ourRates.push(await load(ours))
  }
  const share = (median(ourRates) / median(bareRates)) * 100
  return [
    { what: 'the published container', measured: `${median(bareRates).toFixed(0)} requests/s` },
    {
      what: 'through the proxy',
      measured: `${median(ourRates).toFixed(0)} requests/s (${share.toFixed(0)} %)`,
    },
  ]
}

/** Requests per second through the proxy and to the same image published by Docker alone, in turn. */
export const measureProxy = async (team: BenchTeam): Promise<readonly Figure[]> => {
  if (findProgram('wrk') === null)
    return [{ what: 'requests per second', measured: 'not measured: apt-get install wrk' }]
  const { live } = await team.operators.status(team.app)
  const image = `${team.registry}/${team.repository}@${live?.digest ?? ''}`
  const port = await freePort()
  await docker([
    'run',
    '--detach',
    '--init',
    '--name',
    bareName,
    '-p',
    `127.0.0.1:${port}:8000`,
    image,
  ])
  try {
    const prober = await startProber(`http://127.0.0.1:${port}/`, live?.commit ?? '')
    await prober.seenAt
    return await measureBoth(port, team.port)
  } finally {
    await docker(['rm', '--force', bareName])
  }
}
