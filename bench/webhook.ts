import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { print, type Figure } from './report.ts'
import { Sent, type SendOrder } from './send-order.ts'
import { percentile } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const ratePerSecond = 200
const seconds = 10
const barMilliseconds = 50

const send = async (order: SendOrder): Promise<Sent> => {
  const child = fork(fileURLToPath(new URL('./sender.ts', import.meta.url)), { execArgv: [] })
  child.send(order)
  const [message] = z.array(z.unknown()).parse(await once(child, 'message'))
  return Sent.parse(message)
}

/** A figure of anything but the expected answers would be one of something else. */
const expectOnly = (expected: string, { answers }: Sent): void => {
  const others = Object.entries(answers).filter(([answer]) => answer !== expected)
  if (others.length > 0)
    throw new Error(`expected only "${expected}": ${JSON.stringify(Object.fromEntries(others))}`)
}

const p99Of = ({ milliseconds }: Sent): number => percentile(milliseconds, 0.99)

/** Beside what the same way takes where nothing is done at its end. */
const toRateFigure = (what: string, sent: Sent, nothing: Sent): Figure => {
  const [p50, slowest] = [0.5, 1].map((share) => percentile(sent.milliseconds, share))
  const p99 = p99Of(sent)
  const times = sent === nothing ? '' : `, p99 ${(p99 / p99Of(nothing)).toFixed(1)} x nothing's`
  return {
    what: `${what}, ${ratePerSecond}/s`,
    measured: `p50 ${p50?.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, slowest ${slowest?.toFixed(0)} ms${times}`,
    bar: `p99 < ${barMilliseconds} ms`,
    isKept: p99 < barMilliseconds,
  }
}

const toFullFigure = (what: string, sent: Sent): Figure => ({
  what: `${what}, 8 at a time`,
  measured: `${(sent.milliseconds.length / sent.seconds).toFixed(0)} answers/s`,
})

/** `nothing`: the same requests to a path that does not exist: the function verifies, asks and records nothing. */
const kinds = [
  { what: 'nothing', path: '/', branch: 'main', answer: '404 rejected path_unknown' },
  {
    what: 'ignored',
    path: '/hooks/github',
    branch: 'other',
    answer: '200 ignored branch_not_deployed',
  },
  { what: 'recorded', path: '/hooks/github', branch: 'main', answer: '202 accepted recorded' },
]

/**
 * Webhooks through the API of the local stack, answered by the packaged function, warm. Each recorded
 * one nudges `reconcile`; on AWS that runs on another machine, so here the nudge is taken and left.
 */
export const measureWebhook = async (team: BenchTeam): Promise<readonly Figure[]> => {
  const { faults, apiAddress } = team.stack
  const secret = await team.readGithubSecret()
  const to = { secret, repositories: [...team.hookRepositories] }
  faults.onAsyncInvoke = () => 'lose'
  const figures: Figure[] = []
  let nothing: Sent | null = null
  for (const { what, path, branch, answer } of kinds) {
    print(`webhook: ${what}`)
    const measure = async (count: number, rate: number | null, connections: number) => {
      const url = apiAddress + path
      const sent = await send({ ...to, url, branch, count, ratePerSecond: rate, connections })
      expectOnly(answer, sent)
      return sent
    }
    // First every environment is started, then those that are used most have compiled what is hot.
    await measure(300, null, 16)
    await measure(1500, null, 3)
    const atRate = await measure(ratePerSecond * seconds, ratePerSecond, 256)
    nothing ??= atRate
    figures.push(toRateFigure(what, atRate, nothing))
    figures.push(toFullFigure(what, await measure(1000, null, 8)))
  }
  return figures
}
