import { median } from '../statistics.ts'
import { load } from './load.ts'
import { createProcessorReader } from './processor.ts'
import { rotate, toCells, type Bar, type PartResult, type Row } from './result.ts'
import { bare, own } from './server.ts'
import type { Stage } from './stage.ts'

const rounds = 5
const seconds = 2
/** Connections, and the least share of the bare app's requests in percent. */
const levels = [
  [1, null],
  [16, 45],
  [64, 55],
] as const

interface Series {
  readonly rates: number[]
  readonly p99s: number[]
  /** Microseconds of processor time a request. */
  readonly costs: number[]
}

type Level = ReadonlyMap<string, Series>

const measureLevel = async (stage: Stage, connections: number): Promise<Level> => {
  const level = new Map<string, Series>()
  const readers = new Map<string, () => number>()
  for (const server of stage.servers) {
    level.set(server.name, { rates: [], p99s: [], costs: [] })
    readers.set(server.name, await createProcessorReader(server))
  }
  for (let round = 0; round < rounds; round += 1)
    for (const { name, url } of rotate(stage.servers, round)) {
      const read = readers.get(name) ?? (() => NaN)
      const before = read()
      const { perSecond, requests, p99Milliseconds } = await load(
        stage.clients,
        url,
        connections,
        seconds,
      )
      const series = level.get(name)
      series?.rates.push(perSecond)
      series?.p99s.push(p99Milliseconds)
      series?.costs.push(((read() - before) * 1e6) / requests)
    }
  return level
}

const toShare = (level: Level, name: string): number => {
  const bareRates = level.get(bare)?.rates ?? []
  const rates = level.get(name)?.rates ?? []
  return median(rates.map((rate, round) => (rate / (bareRates[round] ?? NaN)) * 100))
}

const toRows = (level: Level, connections: number): readonly Row[] => [
  {
    what: `requests/s, ${connections} connections`,
    cells: toCells(level, ({ rates }, name) => {
      const share = name === bare ? '' : ` (${toShare(level, name).toFixed(0)} %)`
      return `${median(rates).toFixed(0)}${share}`
    }),
  },
  {
    what: `p99 in ms, ${connections}`,
    cells: toCells(level, ({ p99s }) => median(p99s).toFixed(2)),
  },
  {
    what: `processor µs a request, ${connections}`,
    cells: toCells(level, ({ costs }) => median(costs).toFixed(0)),
  },
]

const toBars = (level: Level, connections: number, least: number): readonly Bar[] => {
  const share = toShare(level, own)
  const mine = median(level.get(own)?.rates ?? [])
  const others = [...level].filter(([name]) => name !== own && name !== bare)
  return [
    {
      what: `share of bare, ${connections} connections`,
      measured: `${share.toFixed(0)} %`,
      bar: `≥ ${least} %`,
      isKept: share >= least,
    },
    ...others.map(([name, { rates }]) => ({
      what: `requests/s beside ${name}, ${connections} connections`,
      measured: `${mine.toFixed(0)} and ${median(rates).toFixed(0)}`,
      bar: 'more',
      isKept: mine > median(rates),
    })),
  ]
}

/** `wrk` against each server in turn, the median of the rounds; the share is the median of each round's. */
export const measureThroughput = async (stage: Stage): Promise<PartResult> => {
  await stage.releaseAll()
  for (const { url } of stage.servers) await load(stage.clients, url, 16, 1)
  const rows: Row[] = []
  const bars: Bar[] = []
  for (const [connections, least] of levels) {
    const level = await measureLevel(stage, connections)
    rows.push(...toRows(level, connections))
    if (least !== null) bars.push(...toBars(level, connections, least))
  }
  return { rows, bars }
}
