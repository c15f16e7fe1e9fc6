import * as z from 'zod'
import { median } from '../statistics.ts'
import { rotate, toCells, type Bar, type PartResult } from './result.ts'
import { bare, own, type Server } from './server.ts'
import type { Stage } from './stage.ts'
import { startClient, type Client } from './start-client.ts'

/** Seconds that the app takes to start, one a round: checks at fixed times find some of them late and others at once. */
const starts = [0.2, 0.4, 0.6, 0.8, 1]
const yardstick = 'kamal-proxy'
const mostOfYardstick = 1.4

const Seen = z.object({
  sent: z.number(),
  failed: z.array(z.string()),
  seenAt: z.number().nullable(),
  hasStream: z.boolean(),
  hasWebSocket: z.boolean(),
})
interface Switch extends z.infer<typeof Seen> {
  /** From the order to the first answer of the new release, in milliseconds. */
  readonly milliseconds: number
}

const measureOne = async (stage: Stage, server: Server, seconds: number): Promise<Switch> => {
  let orderedAt = NaN
  const behaviour = { START_DELAY_SECONDS: `${seconds}` }
  const begun: Client[] = []
  await stage.release(server, behaviour, {
    before: async (version) => {
      const client = await startClient(stage.clients, 'switch', server.url, version)
      begun.push(client)
      await client.held()
    },
    onOrder: () => (orderedAt = Date.now()),
  })
  const seen = Seen.parse(await begun[0]?.result)
  return { ...seen, milliseconds: (seen.seenAt ?? NaN) - orderedAt }
}

const toKept = (all: readonly Switch[], isKept: (one: Switch) => boolean): string => {
  const kept = all.filter(isKept).length
  return kept === all.length ? 'kept' : `cut in ${all.length - kept} of ${all.length}`
}

const toTime = (all: readonly Switch[] = []): number =>
  median(all.map(({ milliseconds }) => milliseconds)) / 1000

const toBars = (switches: ReadonlyMap<string, readonly Switch[]>): readonly Bar[] => {
  const mine = switches.get(own) ?? []
  const failed = mine.flatMap((one) => one.failed)
  const rival = switches.get(yardstick)
  const ratio = toTime(mine) / toTime(rival)
  const told = `${toTime(mine).toFixed(2)} s, ${ratio.toFixed(2)} ×`
  return [
    {
      what: 'failed in a switch',
      measured: `${failed.length}`,
      bar: '0',
      isKept: failed.length === 0,
    },
    {
      what: 'WebSockets in a switch',
      measured: toKept(mine, ({ hasWebSocket }) => hasWebSocket),
      bar: 'kept',
      isKept: mine.every(({ hasWebSocket }) => hasWebSocket),
    },
    ...(rival === undefined
      ? []
      : [
          {
            what: `order to first new answer, of ${yardstick}'s`,
            measured: told,
            bar: `≤ ${mostOfYardstick} ×`,
            isKept: ratio <= mostOfYardstick,
          },
        ]),
  ]
}

/** Deploys under load, with a slow request, an upload, a stream and a WebSocket that are open at the switch. */
export const measureSwitch = async (stage: Stage): Promise<PartResult> => {
  const servers = stage.servers.filter(({ name }) => name !== bare)
  for (const server of servers) await stage.release(server)
  const switches = new Map<string, Switch[]>(servers.map(({ name }) => [name, []]))
  for (const [round, seconds] of starts.entries())
    for (const server of rotate(servers, round))
      switches.get(server.name)?.push(await measureOne(stage, server, seconds))
  const rows = [
    {
      what: 'order to first new answer in s',
      cells: toCells(switches, (all) => {
        const times = all.map(({ milliseconds }) => milliseconds / 1000)
        return `${toTime(all).toFixed(2)} (${Math.min(...times).toFixed(2)} – ${Math.max(...times).toFixed(2)})`
      }),
    },
    {
      what: 'requests failed in switches',
      cells: toCells(switches, (all) => {
        const sent = all.reduce((total, one) => total + one.sent, 0)
        return `${all.reduce((total, { failed }) => total + failed.length, 0)} of ${sent}`
      }),
    },
    {
      what: 'an open stream',
      cells: toCells(switches, (all) => toKept(all, ({ hasStream }) => hasStream)),
    },
    {
      what: 'an open WebSocket',
      cells: toCells(switches, (all) => toKept(all, ({ hasWebSocket }) => hasWebSocket)),
    },
  ]
  return { rows, bars: [...toBars(switches)] }
}
