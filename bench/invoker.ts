import { createRequire } from 'node:module'
import * as z from 'zod'
import { beginAtRate, signDeliveries, type SignedDelivery } from './deliveries.ts'
import { InvokeOrder, type InvokeWindow } from './invocations.ts'

// A process of its own: its processor time is that of the handlers, of the SDK in them and of one timer.

type Handler = (event: unknown) => Promise<unknown>
const Handlers = z.object({
  handler: z.custom<Handler>((value) => typeof value === 'function'),
})
const Answer = z.object({ statusCode: z.number(), body: z.string() }).optional()

const toEvent = ({ body, headers }: SignedDelivery) => ({
  version: '2.0',
  rawPath: '/hooks/github',
  requestContext: { http: { method: 'POST' } },
  headers,
  body,
  isBase64Encoded: false,
})

const describe = (answer: unknown): string => {
  const { statusCode, body } = Answer.parse(answer) ?? {}
  return body === undefined ? '' : `${statusCode} ${/"reason":"(\w+)"/.exec(body)?.[1]}`
}

/** The log of a function goes to a pipe that Lambda reads; here nobody has to. */
const withoutLog = async (work: () => Promise<void>): Promise<void> => {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = () => true
  await work().finally(() => (process.stdout.write = write))
}

const post = (message: object | null): Promise<void> =>
  new Promise((resolve) => void process.send?.(message, () => resolve()))

const createInvoke = (order: InvokeOrder) => {
  const load = createRequire(import.meta.url)
  return (one: InvokeOrder['handlers'][number], count: number) => {
    const { handler } = Handlers.parse(load(one.file))
    const { secret, repository } = order
    const events = signDeliveries({ secret, branch: one.branch, repositories: [repository], count })
    return async (index: number): Promise<void> => {
      const answer = describe(await handler(toEvent(events[index] ?? { body: '', headers: {} })))
      if (answer !== one.answer)
        throw new Error(`expected "${one.answer}" of ${one.name}: ${answer}`)
    }
  }
}

const run = async (order: InvokeOrder): Promise<void> => {
  const invokeOf = createInvoke(order)
  for (const one of order.handlers) {
    const invoke = invokeOf(one, order.warmUp)
    for (let index = 0; index < order.warmUp; index += 8)
      await Promise.all(
        Array.from({ length: 8 }, (_, next) => invoke((index + next) % order.warmUp)),
      )
  }
  for (let window = 0; window < order.windows; window += 1)
    for (const one of order.handlers) {
      const invoke = invokeOf(one, order.count)
      await post({ begun: one.name })
      const milliseconds: number[] = []
      const before = process.cpuUsage()
      await beginAtRate(order.count, order.ratePerSecond, async (index, dueAt) => {
        await invoke(index)
        milliseconds.push(performance.now() - dueAt)
      })
      const { user, system } = process.cpuUsage(before)
      const processorMilliseconds = (user + system) / 1000 / order.count
      await post({ name: one.name, milliseconds, processorMilliseconds } satisfies InvokeWindow)
    }
}

process.once('message', (message: unknown) => {
  const answer = async (): Promise<void> => {
    await withoutLog(() => run(InvokeOrder.parse(message)))
    await post(null)
    process.disconnect()
  }
  void answer()
})
