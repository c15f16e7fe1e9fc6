import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

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

/** Constant requests over kept and over fresh connections, and some clients that are idle between two. */
export const startLoad = (
  port: number,
  host?: string,
): { slow(seconds: number): Promise<string>; stop(): Promise<Load> } => {
  const ending = new AbortController()
  let sent = 0
  let longestMs = 0
  const failed: string[] = []
  const bodies: Record<string, number> = {}
  const once = async (agent: Agent | false, method = 'GET'): Promise<void> => {
    const began = Date.now()
    sent += 1
    try {
      const body = await ask(port, { agent, method, ...(host === undefined ? {} : { host }) })
      bodies[body] = (bodies[body] ?? 0) + 1
    } catch (error) {
      failed.push(String(error))
    }
    longestMs = Math.max(longestMs, Date.now() - began)
  }
  const client = async (agent: Agent | false, pause: number, method?: string): Promise<void> => {
    while (!ending.signal.aborted) {
      await once(agent, method)
      await sleep(pause)
    }
  }
  const kept = new Agent({ keepAlive: true, maxSockets: 6 })
  const clients = [
    ...Array.from({ length: 5 }, () => client(kept, 20)),
    client(kept, 20, 'POST'),
    ...Array.from({ length: 4 }, () => client(false, 20)),
    ...Array.from({ length: 10 }, () =>
      client(new Agent({ keepAlive: true, maxSockets: 1 }), 1500),
    ),
  ]
  return {
    slow: (seconds) => ask(port, { path: `/slow?seconds=${seconds}` }),
    stop: async () => {
      ending.abort()
      await Promise.all(clients)
      return { sent, failed, bodies, longestMs }
    },
  }
}
