import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { inFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'

export interface Load {
  readonly sent: number
  readonly failed: readonly string[]
  /** Answers by their text. */
  readonly bodies: Readonly<Record<string, number>>
  readonly longestMs: number
}

/** One request; the body of a 200, or an error that says what came instead. */
export const ask = (
  port: number,
  {
    path = '/',
    agent = false,
    method = 'GET',
    host,
  }: { path?: string; agent?: Agent | false; method?: string; host?: string } = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host }
    const sent = request({ host: '127.0.0.1', port, path, agent, method, headers }, (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(body.trim())
          : reject(new Error(`${response.statusCode ?? 0} ${body.trim()}`)),
      )
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })

/** Between two requests of one client. */
const pauseMs = inFull(20, 100)
const idleMs = 1500

export interface RunningLoad {
  /** Waits until each client has been answered. */
  flows(): Promise<void>
  /** Waits until this text has been answered. */
  sees(text: string): Promise<void>
  /** Lets each client ask once more, so that also one that was idle has asked the new release. */
  stop(): Promise<Load>
}

const kept = (maxSockets: number): Agent => new Agent({ keepAlive: true, maxSockets })

/** Over kept and over fresh connections, and some that are idle between two requests. */
const toClients = (): readonly { agent: Agent | false; method: string; pause: number }[] => {
  const shared = kept(6)
  const get = { method: 'GET', pause: pauseMs }
  return [
    ...Array.from({ length: 5 }, () => ({ ...get, agent: shared })),
    { agent: shared, method: 'POST', pause: pauseMs },
    ...Array.from({ length: 4 }, () => ({ ...get, agent: false as const })),
    ...Array.from({ length: 10 }, () => ({ ...get, agent: kept(1), pause: idleMs })),
  ]
}

/** Constant requests of twenty clients. */
export const startLoad = (port: number, host?: string): RunningLoad => {
  const ending = new AbortController()
  const { signal } = ending
  const failed: string[] = []
  const bodies: Record<string, number> = {}
  let [sent, answered, longestMs] = [0, 0, 0]
  const once = async (agent: Agent | false, method: string): Promise<void> => {
    const began = Date.now()
    sent += 1
    try {
      const body = await ask(port, { agent, method, ...(host === undefined ? {} : { host }) })
      bodies[body] = (bodies[body] ?? 0) + 1
    } catch (error) {
      failed.push(`${String(error)}, after ${Date.now() - began} ms`)
    }
    longestMs = Math.max(longestMs, Date.now() - began)
  }
  const all = toClients()
  const clients = all.map(async ({ agent, method, pause }) => {
    await once(agent, method)
    answered += 1
    while (!signal.aborted) {
      await sleep(pause, undefined, { signal }).catch(() => undefined)
      await once(agent, method)
    }
  })
  return {
    flows: () => waitFor('an answer to each client', () => answered === clients.length),
    sees: (text) => waitFor(`the answer ${text}`, () => (bodies[text] ?? 0) > 0),
    stop: async () => {
      ending.abort()
      await Promise.all(clients)
      // The next reload of the proxy would wait for a connection that stays open.
      for (const { agent } of all) if (agent !== false) agent.destroy()
      return { sent, failed, bodies, longestMs }
    },
  }
}
