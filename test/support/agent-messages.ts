import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
// Not the global one, which a test may have replaced.
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { readRequest, type AgentReply } from '../../local/aws/index.ts'

/** The agent sleeps two seconds after a poll that was answered within one. */
const pollMilliseconds = 1_050
/** Before the agent takes an answer for lost. */
const longestPoll = 20_000

const Step = z.object({
  status: z.enum(['Success', 'Failed', 'TimedOut', 'Cancelled', 'InProgress']),
  code: z.number(),
  output: z.string(),
  standardOutput: z.string(),
  standardError: z.string(),
})
const SendReply = z.object({ MessageId: z.string(), Payload: z.string() })
const Payload = z.object({
  documentStatus: z.string(),
  runtimeStatus: z.record(z.string(), Step).nullish(),
})
const Poll = z.object({ Destination: z.string(), MessagesRequestId: z.string() })

/** Null: it is under way. */
const toReply = (text: string): AgentReply | null => {
  const { runtimeStatus } = Payload.parse(JSON.parse(text))
  const [step] = Object.values(runtimeStatus ?? {})
  if (step === undefined || step.status === 'InProgress') return null
  const { status, ...rest } = step
  return { ...rest, status }
}

interface Message {
  readonly MessageId: string
  readonly Destination: string
  readonly CreatedDate: string
  readonly Topic: string
  readonly Payload: string
}

/** What waits for the agent; each poll takes all of it. */
const createQueue = () => {
  const messages: Message[] = []
  const polls = new Set<() => void>()
  const poll = async (response: ServerResponse, ids: z.infer<typeof Poll>): Promise<void> => {
    const isFilled = new Promise<void>((resolve) => {
      polls.add(resolve)
      if (messages.length > 0) resolve()
    })
    const isLong = sleep(longestPoll, undefined, { ref: false })
    await Promise.all([sleep(pollMilliseconds), Promise.race([isFilled, isLong])])
    const Messages = response.destroyed ? [] : messages.splice(0)
    response.end(JSON.stringify({ ...ids, Messages }))
  }
  const push = (message: Message): void => {
    messages.push(message)
    for (const wake of polls) wake()
    polls.clear()
  }
  return { poll, push }
}

/** `ec2messages`, as far as an agent asks it; `tell` hears of each reply. */
export const createMessages = (tell: (commandId: string, reply: AgentReply | null) => void) => {
  const { poll, push } = createQueue()
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { body, headers } = await readRequest(request)
    const operation = String(headers['x-amz-target']).split('.').at(-1)
    const input: unknown = JSON.parse(body.toString() || '{}')
    response.setHeader('content-type', 'application/x-amz-json-1.1')
    if (operation === 'GetMessages') return poll(response, Poll.parse(input))
    if (operation === 'SendReply') {
      const { MessageId, Payload: text } = SendReply.parse(input)
      // aws.ssm.<command>.<instance>
      tell(MessageId.split('.').at(-2) ?? '', toReply(text))
    }
    response.end('{}')
  }
  const server = createServer((request, response) => void answer(request, response))
  return { server, push }
}
