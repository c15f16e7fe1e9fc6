import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a slow request and an upload take: longer than any switch. */
const slowSeconds = 6
const gapMilliseconds = 5

interface Seen {
  readonly sent: number
  readonly failed: readonly string[]
  /** When the new release first answered, of `Date.now`; null if it did not. */
  readonly seenAt: number | null
  /** Whether they still brought something when the slow request had been answered. */
  readonly hasStream: boolean
  readonly hasWebSocket: boolean
}

const ask = (url: URL, options: RequestOptions, body = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let text = ''
      response.on('data', (data: Buffer) => (text += data.toString()))
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(text.trim())
          : reject(new Error(`${options.method ?? 'GET'} ${response.statusCode} ${text.trim()}`)),
      )
      response.on('error', reject)
    })
    sent.on('error', reject).end(body)
  })

/** Some bytes now and then, of which the app tells the number at the end. */
const upload = (url: URL): Promise<void> =>
  new Promise((resolve, reject) => {
    let written = 0
    const sent = request(url, { method: 'POST', agent: false }, (response) => {
      let text = ''
      response.on('data', (data: Buffer) => (text += data.toString()))
      response.on('end', () =>
        text.trim() === `${written}`
          ? resolve()
          : reject(new Error(`upload ${response.statusCode} ${text}`)),
      )
      response.on('error', reject)
    })
    const timer = setInterval(() => {
      sent.write(Buffer.alloc(1000))
      written += 1000
      if (written >= slowSeconds * 10_000) sent.end()
    }, 100)
    sent.on('error', reject).on('close', () => clearInterval(timer))
    sent.on('finish', () => clearInterval(timer))
  })

/** A stream and a WebSocket that are open before the switch; each tells when it last brought something. */
const openLong = (url: URL) => {
  const last = { eventAt: 0, echoAt: 0 }
  let socket: Duplex | null = null
  const ignore = (): void => undefined
  const stream = request(new URL('/events', url), { agent: false }, (response: IncomingMessage) => {
    response.on('data', () => (last.eventAt = Date.now())).on('error', ignore)
  })
  stream.on('error', ignore).end()
  const key = Buffer.alloc(16, 1).toString('base64')
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
  }
  const asked = request(new URL('/echo', url), { agent: false, headers })
  asked.on('upgrade', (_, opened) => {
    socket = opened
    opened.on('data', () => (last.echoAt = Date.now())).on('error', ignore)
  })
  asked.on('error', ignore).end()
  // A masked text frame of one byte (RFC 6455, section 5.2).
  const frame = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])
  const timer = setInterval(() => socket?.write(frame), 50)
  return {
    last,
    close: () => {
      clearInterval(timer)
      stream.destroy()
      socket?.destroy()
    },
  }
}

/** Two hundred requests a second of clients that keep their connections and of others, and what takes longer. */
export const watchSwitch = async (
  address: string,
  version: string,
  ready: () => void,
): Promise<Seen> => {
  const url = new URL(address)
  const ending = new AbortController()
  const { signal } = ending
  const failed: string[] = []
  let sent = 0
  let seenAt: number | null = null
  const count = async (work: Promise<unknown>): Promise<void> => {
    sent += 1
    await work.catch((error: unknown) => failed.push(String(error)))
  }
  const client = async (method: string, agent: Agent | false): Promise<void> => {
    while (!signal.aborted) {
      await count(ask(url, { method, agent }, method === 'POST' ? 'x' : ''))
      await sleep(100)
    }
    if (agent !== false) agent.destroy()
  }
  const probe = async (): Promise<void> => {
    while (!signal.aborted && seenAt === null) {
      const text = await ask(url, { agent: false }).catch(() => '')
      if (text === version) seenAt = Date.now()
      await sleep(gapMilliseconds)
    }
  }
  const kept = () => new Agent({ keepAlive: true, maxSockets: 1 })
  const clients = Array.from({ length: 20 }, (_, index) =>
    client(index % 4 === 0 ? 'POST' : 'GET', index % 4 === 3 ? false : kept()),
  )
  const long = openLong(url)
  await sleep(500)
  ready()
  const probing = probe()
  await Promise.all([
    count(ask(new URL(`/slow?seconds=${slowSeconds}`, url), { agent: false })),
    count(upload(new URL('/upload', url))),
  ])
  await Promise.race([probing, sleep(20_000, undefined, { signal }).catch(() => undefined)])
  const { eventAt, echoAt } = long.last
  const recent = Date.now() - 500
  ending.abort()
  await Promise.all([probing, ...clients])
  long.close()
  return { sent, failed, seenAt, hasStream: eventAt > recent, hasWebSocket: echoAt > recent }
}
