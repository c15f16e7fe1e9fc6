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
  /** The first line of what a broken release answers with a status of an error. */
  readonly ownError?: string
}

export interface LoadResult {
  readonly sent: number
  /** Without an answer, or with an error that is not the release's own. */
  readonly failed: number
  /** Brought to the release and back: an error that it answered itself. */
  readonly ownErrors: number
  /** The first few failures, for people. */
  readonly failures: readonly string[]
  readonly slowestMilliseconds: number
  /** The longest time in which requests failed, for whatever reason, and none was answered well. */
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

interface Answer {
  readonly status: number
  readonly line: string
}

/** One request; rejects on a broken connection and a timeout. */
const request = async (
  url: string,
  { agent, host, timeoutSeconds }: { agent: Agent | false; host?: string; timeoutSeconds: number },
): Promise<Answer> => {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  const headers = host === undefined ? {} : { host }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent, headers, signal }, resolve).on('error', reject)
  })
  return { status: response.statusCode ?? 500, line: await firstLine(response) }
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0

/** What came of the requests so far. */
const createTally = (ownError: string | undefined) => {
  const milliseconds: number[] = []
  const failures: string[] = []
  const answers = new Map<string, number>()
  let sent = 0
  let failed = 0
  let ownErrors = 0
  let answeredAt = performance.now()
  let isAway = false
  let awayMilliseconds = 0
  const answerWell = (): void => {
    const now = performance.now()
    if (isAway) awayMilliseconds = Math.max(awayMilliseconds, now - answeredAt)
    answeredAt = now
    isAway = false
  }
  const fail = (failure: string): void => {
    isAway = true
    failed += 1
    if (failures.length < shownFailures) failures.push(failure)
  }
  const take = (kind: string, { status, line }: Answer): void => {
    if (status >= 400 && line !== ownError) return fail(`${kind} connection: ${status} ${line}`)
    answers.set(line, (answers.get(line) ?? 0) + 1)
    if (status < 400) return answerWell()
    isAway = true
    ownErrors += 1
  }
  return {
    count: async (kind: string, ask: () => Promise<Answer>): Promise<void> => {
      const begun = performance.now()
      sent += 1
      await ask().then(
        (answer) => take(kind, answer),
        (error: unknown) => fail(`${kind} connection: ${String(error)}`),
      )
      milliseconds.push(performance.now() - begun)
    },
    result: (): LoadResult => {
      const sorted = [...milliseconds].sort((a, b) => a - b)
      return {
        sent,
        failed,
        ownErrors,
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
  const { count, result } = createTally(options.ownError)

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
