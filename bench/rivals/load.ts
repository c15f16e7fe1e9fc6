import { run } from '../../local/docker/docker.ts'
import { toEnter } from '../../local/instances/network.ts'

export interface LoadResult {
  readonly perSecond: number
  readonly requests: number
  readonly p99Milliseconds: number
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

/** `wrk` in the clients' network. An answer that is not 2xx or that does not come is an error. */
export const load = async (
  clients: string,
  url: string,
  connections: number,
  seconds: number,
): Promise<LoadResult> => {
  const size = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`]
  const [program = 'nsenter', ...enter] = toEnter(clients)
  const told = await run(program, [...enter, 'wrk', '--latency', ...size, url])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(told)?.[1])
  const requests = Number(/(\d+) requests in/.exec(told)?.[1])
  const [, amount, unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(told) ?? []
  const p99Milliseconds = Number(amount) * (units[unit] ?? NaN)
  const isWhole = [perSecond, requests, p99Milliseconds].every(Number.isFinite)
  if (!isWhole || /Non-2xx|Socket errors/.test(told)) throw new Error(`wrk: ${told}`)
  return { perSecond, requests, p99Milliseconds }
}
