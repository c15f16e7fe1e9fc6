import * as z from 'zod'
import { percentile } from '../statistics.ts'
import { readMemory } from './processor.ts'
import { rotate, toCells, type PartResult } from './result.ts'
import { own } from './server.ts'
import type { Stage } from './stage.ts'
import { startClient } from './start-client.ts'

const rounds = 3
const seconds = 3

const Posts = z.object({ sent: z.number(), lost: z.number() })

/** POSTs to an app that closes a connection that is idle for 20 ms, about as far apart. */
export const measurePosts = async (stage: Stage): Promise<PartResult> => {
  await stage.releaseAll({ KEEP_ALIVE_SECONDS: '0.02' })
  const totals = new Map(stage.servers.map(({ name }) => [name, { sent: 0, lost: 0 }]))
  for (let round = 0; round < rounds; round += 1)
    for (const { name, url } of rotate(stage.servers, round)) {
      const client = await startClient(stage.clients, 'posts', url, `${seconds}`)
      const { sent, lost } = Posts.parse(await client.result)
      const total = totals.get(name) ?? { sent: 0, lost: 0 }
      totals.set(name, { sent: total.sent + sent, lost: total.lost + lost })
    }
  const lost = totals.get(own)?.lost ?? NaN
  const cells = toCells(totals, (total) => `${total.lost} of ${total.sent}`)
  return {
    rows: [{ what: 'POSTs lost as the app closes idle connections', cells }],
    bars: [{ what: 'POSTs lost', measured: `${lost}`, bar: '0', isKept: lost === 0 }],
  }
}

/** An event each 25 ms: how late the client has it. */
export const measureEvents = async (stage: Stage): Promise<PartResult> => {
  await stage.releaseAll()
  const delays = new Map<string, number[]>(stage.servers.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round += 1)
    for (const { name, url } of rotate(stage.servers, round)) {
      const client = await startClient(stage.clients, 'events', url, `${seconds}`)
      // The first ones come while the client's code is compiled.
      delays.get(name)?.push(
        ...z
          .array(z.number())
          .parse(await client.result)
          .slice(10),
      )
    }
  const middle = percentile(delays.get(own) ?? [], 0.5)
  const cells = toCells(
    delays,
    (all) => `${percentile(all, 0.5).toFixed(2)} / ${percentile(all, 0.95).toFixed(2)}`,
  )
  return {
    rows: [{ what: 'delay of an event in ms, p50 / p95', cells }],
    bars: [
      {
        what: 'delay of an event, p50',
        measured: `${middle.toFixed(2)} ms`,
        bar: '≤ 1 ms',
        isKept: middle <= 1,
      },
    ],
  }
}

const connections = 1000
const mostMebibytes = 25

/** The memory of the proxy's processes with a thousand open connections, each answered twice. */
export const measureMemory = async (stage: Stage): Promise<PartResult> => {
  await stage.releaseAll()
  const measured = new Map<string, number>()
  for (const { name, url, proxy } of stage.servers) {
    if (proxy === null) continue
    const client = await startClient(stage.clients, 'hold', url, `${connections}`)
    await client.held()
    measured.set(name, (await readMemory(proxy)) / 1024 ** 2)
    client.stop()
    const answered = z.number().parse(await client.result)
    if (answered < connections) throw new Error(`${name} answered ${answered} of ${connections}`)
  }
  const mine = measured.get(own) ?? NaN
  return {
    rows: [
      {
        what: 'memory in MiB, 1,000 connections',
        cells: toCells(measured, (mebibytes) => mebibytes.toFixed(0)),
      },
    ],
    bars: [
      {
        what: 'memory, 1,000 connections',
        measured: `${mine.toFixed(1)} MiB`,
        bar: `≤ ${mostMebibytes} MiB`,
        isKept: mine <= mostMebibytes,
      },
    ],
  }
}
