import { Agent, request } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import * as z from 'zod'
import { beginAtRate, signDeliveries, type SignedDelivery } from './deliveries.ts'
import { SendOrder, type Sent } from './send-order.ts'

// A process of its own, so that who measures does not wait for who is measured.

const Answer = z.object({ outcome: z.string(), reason: z.string() })

const post = async (
  url: string,
  agent: Agent,
  { body, headers }: SignedDelivery,
): Promise<string> => {
  const { statusCode, text } = await new Promise<{ statusCode: number; text: string }>(
    (resolve, reject) => {
      const sent = request(url, { method: 'POST', agent, headers }, (response) => {
        const { statusCode = 0 } = response
        readText(response)
          .then((text) => resolve({ statusCode, text }))
          .catch(reject)
      })
      sent.on('error', reject)
      sent.end(body)
    },
  )
  const { outcome, reason } = Answer.parse(JSON.parse(text))
  return `${statusCode} ${outcome} ${reason}`
}

const send = async (order: SendOrder): Promise<Sent> => {
  const { url, ratePerSecond, connections } = order
  const deliveries = signDeliveries(order)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const milliseconds: number[] = []
  const answers: Record<string, number> = {}
  const begunAt = performance.now()

  const once = async (delivery: SignedDelivery, dueAt: number): Promise<void> => {
    const answer = await post(url, agent, delivery).catch(String)
    milliseconds.push(performance.now() - dueAt)
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  const atRate = (rate: number): Promise<void> =>
    beginAtRate(deliveries.length, rate, async (index, dueAt) => {
      const delivery = deliveries[index]
      if (delivery !== undefined) await once(delivery, dueAt)
    })
  const inTurn = async (): Promise<void> => {
    const rest = deliveries.values()
    const one = async (): Promise<void> => {
      for (const delivery of rest) await once(delivery, performance.now())
    }
    await Promise.all(Array.from({ length: connections }, one))
  }
  await (ratePerSecond === null ? inTurn() : atRate(ratePerSecond))
  agent.destroy()
  return { seconds: (performance.now() - begunAt) / 1000, milliseconds, answers }
}

process.once('message', (message: unknown) => {
  const answer = async (): Promise<void> => {
    const sent = await send(SendOrder.parse(message))
    process.send?.(sent, () => process.disconnect())
  }
  void answer()
})
