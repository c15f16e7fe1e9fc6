import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import * as z from 'zod'
import { toWorkflowRun } from '../local/team/signed-delivery.ts'
import { SendOrder, type Sent } from './send-order.ts'

// A process of its own, so that who measures does not wait for who is measured.

interface Delivery {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** As much as a usual workflow_run holds beside the fields that matter. */
const padding = 'x'.repeat(12_000)

/** All that can be done before the clock starts. */
const prepare = ({ secret, branch, repositories, count }: SendOrder): readonly Delivery[] =>
  Array.from({ length: count }, (_, index) => {
    const run = toWorkflowRun({
      repository: repositories[index % repositories.length] ?? '',
      branch,
      workflow: 'CI',
      commit: randomBytes(20).toString('hex'),
      runNumber: index + 1,
    })
    const body = `${run.slice(0, -1)},"sender":{"padding":"${padding}"}}`
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-github-event': 'workflow_run',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    }
    return { body, headers }
  })

const Answer = z.object({ outcome: z.string(), reason: z.string() })

const post = async (url: string, agent: Agent, { body, headers }: Delivery): Promise<string> => {
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
  const deliveries = prepare(order)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const milliseconds: number[] = []
  const answers: Record<string, number> = {}
  const begunAt = performance.now()

  const once = async (delivery: Delivery, dueAt: number): Promise<void> => {
    const answer = await post(url, agent, delivery).catch(String)
    milliseconds.push(performance.now() - dueAt)
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  const atRate = async (rate: number): Promise<void> => {
    const underWay: Promise<void>[] = []
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.floor(((performance.now() - begunAt) / 1000) * rate)
        for (const delivery of deliveries.slice(underWay.length, due))
          underWay.push(once(delivery, begunAt + ((underWay.length + 1) / rate) * 1000))
        if (underWay.length < deliveries.length) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    await Promise.all(underWay)
  }
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
