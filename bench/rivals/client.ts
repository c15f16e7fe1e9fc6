import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { watchSwitch } from './client-switch.ts'

// `client.ts KIND URL AMOUNT` runs in the clients' network, says `ready`, and tells what it saw when it has ended: by
// itself, or when it is told to stop.

const [, , kind = '', url = '', amount = ''] = process.argv

const stopped = new AbortController()
process.once('message', () => stopped.abort())

/** What came: a status, or null where the connection ended without an answer. */
const ask = (agent: Agent, method: string): Promise<number | null> =>
  new Promise((resolve) => {
    const failed = (): void => resolve(null)
    const sent = request(url, { agent, method }, (response) => {
      response.on('end', () => resolve(response.statusCode ?? null)).on('error', failed)
      response.resume()
    })
    sent.on('error', failed).end(method === 'POST' ? 'x' : undefined)
  })

/** Clients that send POSTs about as far apart as the app keeps an idle connection open. */
const sendPosts = async (): Promise<unknown> => {
  const until = Date.now() + Number(amount) * 1000
  let [sent, lost] = [0, 0]
  const client = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (Date.now() < until) {
      sent += 1
      if ((await ask(agent, 'POST')) !== 200) lost += 1
      await sleep(15 + Math.random() * 10)
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: 32 }, client))
  return { sent, lost }
}

/** How late each event of a stream is, in milliseconds: both ends read one clock. */
const readEvents = async (): Promise<unknown> => {
  const delays: number[] = []
  const sent = request(new URL('/events', url), { agent: false }, (response) => {
    response.on('data', (data: Buffer) => {
      const now = performance.timeOrigin + performance.now()
      for (const [, at] of data.toString().matchAll(/data: ([\d.]+)/g))
        delays.push(now - Number(at))
    })
    response.on('error', () => undefined)
  })
  sent.on('error', () => undefined).end()
  await sleep(Number(amount) * 1000)
  sent.destroy()
  return delays
}

/** So many connections, which have been answered twice and stay open until told otherwise. */
const holdConnections = async (): Promise<unknown> => {
  const agents = Array.from(
    { length: Number(amount) },
    () => new Agent({ keepAlive: true, maxSockets: 1 }),
  )
  const askAll = async () => Promise.all(agents.map((agent) => ask(agent, 'GET')))
  // One after the other first: so many at once would overflow the queue of a listening socket.
  for (const agent of agents) await ask(agent, 'GET')
  const answers = await askAll()
  process.send?.('held')
  await once(stopped.signal, 'abort')
  for (const agent of agents) agent.destroy()
  return answers.filter((status) => status === 200).length
}

const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
  posts: sendPosts,
  events: readEvents,
  hold: holdConnections,
  switch: () => watchSwitch(url, amount, () => process.send?.('held')),
}

process.send?.('ready')
const result = await kinds[kind]?.()
process.send?.(result, () => process.disconnect())
