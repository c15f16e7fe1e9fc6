import { NodeClient, Scope, createTransport, defaultStackParser } from '@sentry/aws-serverless'
import { http } from '../kernel/http.ts'
import { scrub } from '../kernel/plain-line.ts'
import type { Tell, Trouble } from './trouble.ts'

type SentryEvent = Parameters<NodeClient['captureEvent']>[0]

const mostFlushMilliseconds = 2000

/** Sends by `http`, the only outbound request, instead of Sentry's own transport. */
const transport = (options: Parameters<typeof createTransport>[0] & { readonly url: string }) =>
  createTransport(options, async ({ body }) => {
    const sent = await http({
      method: 'POST',
      url: new URL(options.url),
      headers: { 'content-type': 'application/x-sentry-envelope' },
      body: scrub(typeof body === 'string' ? body : new TextDecoder().decode(body)),
      timeoutMilliseconds: mostFlushMilliseconds,
    })
    return sent.ok ? { statusCode: sent.value.status } : {}
  })

/** The frames of a stack without its message, which may look like frames itself. */
const framesOf = ({ stack = '', message }: Error): string =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line))
    .join('\n')

/**
 * Errors whose message never quotes what was read. `SyntaxError` is not one: `JSON.parse` quotes its input,
 * and secrets are JSON.
 */
const safeErrors = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'Retryable',
  'ZodError',
])

/** The message of a safe error, without tokens; errors of the AWS SDK have `$metadata`. */
const toSafeMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return '[withheld]'
  const isSafe = safeErrors.has(error.name) || '$metadata' in error
  return isSafe ? scrub(error.message).slice(0, 1000) : '[withheld]'
}

const toException = (error: unknown): NonNullable<SentryEvent['exception']> => {
  const isError = error instanceof Error
  const frames = isError ? defaultStackParser(framesOf(error)) : []
  const type = isError ? error.name : 'thrown'
  return { values: [{ type, value: toSafeMessage(error), stacktrace: { frames } }] }
}

const toEvent = ({ message, error, tags }: Trouble): SentryEvent => ({
  level: 'error',
  message,
  tags,
  ...(error !== undefined && { exception: toException(error) }),
})

const sentFields = new Set(
  'event_id timestamp platform level environment message tags exception type'.split(' '),
)

/** Removes what the client adds to an event, now or in a later version. */
const removeOtherFields = <Sent extends SentryEvent>(event: Sent): Sent => {
  for (const key of Object.keys(event)) if (!sentFields.has(key)) Reflect.deleteProperty(event, key)
  return event
}

/**
 * Sends errors to the Sentry project of a DSN. It waits at most two seconds; the log has the errors too.
 *
 * It uses the client alone, without `init`, so that Sentry patches and collects nothing. Events are built
 * here, field by field (`docs/decisions/0007-sentry.md` has the figures).
 */
export const createTell =
  (dsn: string, stage: string): Tell =>
  async (troubles) => {
    const client = new NodeClient({
      dsn,
      environment: stage,
      transport,
      stackParser: defaultStackParser,
      integrations: [],
      includeServerName: false,
      sendClientReports: false,
      beforeSend: removeOtherFields,
    })
    client.init()
    for (const trouble of troubles) client.captureEvent(toEvent(trouble), {}, new Scope())
    // Sends the rest and removes the client's listeners from the process, which is reused.
    await client.close(mostFlushMilliseconds)
  }
