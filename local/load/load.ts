import { Agent, get, type IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'

export interface LoadOptions {
  /** `http://localhost:8080/` */
  readonly url: string
  /** The Host header, where the app answers to one only. */
  readonly host?: string
  /** Requests are begun at this constant rate, whether or not earlier ones were answered. */
  readonly ratePerSecond: number
  /** Clients that keep their connection; every second request goes over one, the others are fresh. */
  readonly keepAliveClients?: number
  /** Clients with a connection of their own each, which is idle for seconds between two requests. */
  readonly idleClients?: number
  /** A request without an answer after this time has failed. */
  readonly timeoutSeconds?: number
}

export interface LoadResult {
  readonly sent: number
  readonly failed: number
  /** The first few failures, for people. */
  readonly failures: readonly string[]
  readonly slowestMilliseconds: number
  /** The longest time in which requests failed and none was answered. */
  readonly awayMilliseconds: number
  readonly p50Milliseconds: number
  readonly p99Milliseconds: number
  /** How many answers each first body line had: which release answered. */
  readonly answers: ReadonlyMap<string, number>
}

export interface Load {
  /** What there is so far. */
  result(): LoadResult
  /** Begins no more requests, waits for those under way, and tells. */
  stop(): Promise<LoadResult>
}

const shownFailures = 5
const idleMilliseconds = 3000

const firstLine = async (response: IncomingMessage): Promise<string> =>
  (await readText(response)).split('\n')[0]?.trim() ?? ''

/** One request; rejects on a broken connection, a timeout and a status of an error. */
export const request = async (
  url: string,
  { agent, host, timeoutSeconds }: { agent: Agent | false; host?: string; timeoutSeconds: number },
): Promise<string> => {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  const headers = host === undefined ? {} : { host }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent, headers, signal }, resolve).on('error', reject)
  })
  const line = await firstLine(response)
  if ((response.statusCode ?? 500) < 400) return line
  throw new Error(`${response.statusCode} ${line}`)
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

/** What came of the requests so far. */
const createTally = () => {
  const milliseconds: number[] = []
  const failures: string[] = []
  const answers = new Map<string, number>()
  let sent = 0
  let failed = 0
  let answeredAt = performance.now()
  let failedSince = 0
  let awayMilliseconds = 0
  return {
    count: async (kind: string, ask: () => Promise<string>): Promise<void> => {
      const begun = performance.now()
      sent += 1
      try {
        const line = await ask()
        answers.set(line, (answers.get(line) ?? 0) + 1)
        const now = performance.now()
        if (failed > failedSince) awayMilliseconds = Math.max(awayMilliseconds, now - answeredAt)
        answeredAt = now
        failedSince = failed
      } catch (error) {
        failed += 1
        if (failures.length < shownFailures) failures.push(`${kind} connection: ${String(error)}`)
      }
      milliseconds.push(performance.now() - begun)
    },
    result: (): LoadResult => {
      const sorted = [...milliseconds].sort((a, b) => a - b)
      return {
        sent,
        failed,
        failures,
        slowestMilliseconds: sorted.at(-1) ?? 0,
        awayMilliseconds,
        p50Milliseconds: percentile(sorted, 0.5),
        p99Milliseconds: percentile(sorted, 0.99),
        answers,
      }
    },
  }
}

const keptConnections = (count: number): Agent => new Agent({ keepAlive: true, maxSockets: count })

/** A constant load on one address, of fresh and of kept connections. */
export const startLoad = (options: LoadOptions): Load => {
  const { url, host, ratePerSecond, keepAliveClients = 4, idleClients = 0 } = options
  const facts = {
    timeoutSeconds: options.timeoutSeconds ?? 60,
    ...(host === undefined ? {} : { host }),
  }
  const kept = keptConnections(keepAliveClients)
  const idle = Array.from({ length: idleClients }, () => keptConnections(1))
  const underWay = new Set<Promise<void>>()
  const { count, result } = createTally()

  const begin = (agent: Agent | false): void => {
    const ask = () => request(url, { agent, ...facts })
    const one = count(agent ? 'kept' : 'fresh', ask).finally(() => underWay.delete(one))
    underWay.add(one)
  }

  const begunAt = performance.now()
  let begun = 0
  const timer = setInterval(() => {
    const due = ((performance.now() - begunAt) / 1000) * ratePerSecond
    for (; begun < due; begun += 1) begin(begun % 2 === 0 ? kept : false)
  }, 5)
  const idleTimer = setInterval(() => idle.forEach(begin), idleMilliseconds)

  return {
    result,
    stop: async () => {
      clearInterval(timer)
      clearInterval(idleTimer)
      await Promise.all(underWay)
      for (const agent of [kept, ...idle]) agent.destroy()
      return result()
    },
  }
}
