import { docker, run } from '../local/docker/docker.ts'
import { findProgram } from '../local/docker/packages.ts'
import type { Figure } from './report.ts'
import { median } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const rounds = 3
const seconds = 2

const load = async (url: string): Promise<number> => {
  const told = await run('wrk', [
    '--threads',
    '1',
    '--connections',
    '16',
    '--duration',
    `${seconds}s`,
    url,
  ])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(told)?.[1])
  if (!Number.isFinite(perSecond) || /Non-2xx/.test(told)) throw new Error(`wrk ${url}: ${told}`)
  return perSecond
}

const findContainer = async (app: string): Promise<string> => {
  const found = await docker([
    'ps',
    '--filter',
    `label=landfall.app=${app}`,
    '--format',
    '{{.Names}}',
  ])
  const address = '{{(index .NetworkSettings.Networks "landfall").IPAddress}}'
  const name = found.trim().split('\n')[0] ?? ''
  return (await docker(['inspect', '--format', address, name])).trim()
}

/** Requests per second through HAProxy and straight to the container behind it, in turn. */
export const measureProxy = async (team: BenchTeam): Promise<readonly Figure[]> => {
  if (findProgram('wrk') === null)
    return [{ what: 'requests per second', measured: 'not measured: apt-get install wrk' }]
  const direct = `http://${await findContainer(team.app)}:8000/`
  const proxied = `http://127.0.0.1:${team.port}/`
  const [bare, ours]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await load(direct))
    ours.push(await load(proxied))
  }
  const share = (median(ours) / median(bare)) * 100
  return [
    { what: 'straight to the container', measured: `${median(bare).toFixed(0)} requests/s` },
    {
      what: 'through HAProxy',
      measured: `${median(ours).toFixed(0)} requests/s (${share.toFixed(0)} %)`,
    },
  ]
}
