import { NodeClient, Scope, createTransport, defaultStackParser } from '@sentry/aws-serverless'
import { http } from '../kernel/http.ts'
import { scrub } from '../kernel/redacted.ts'
import type { Tell, Trouble } from './trouble.ts'

type SentryEvent = Parameters<NodeClient['captureEvent']>[0]

const mostFlushMilliseconds = 2000

/** Sentry's own transport would be a second way out of the process; this one takes ours. */
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

/** The places of a stack, without the message it begins with, which may look like places itself. */
const placesOf = ({ stack = '', message }: Error): string =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line))
    .join('\n')

/**
 * Errors whose words name what went wrong and never what was read. Not among them: `SyntaxError`,
 * because `JSON.parse` quotes what it could not parse, and a secret is JSON.
 */
const speakingNames = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'Retryable',
  'ZodError',
])

const isAwsError = (error: Error): boolean => '$metadata' in error

/** An error's message where it may be repeated, without anything in it that looks like a token. */
const toSafeMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return '[withheld]'
  const mayBeTold = speakingNames.has(error.name) || isAwsError(error)
  return mayBeTold ? scrub(error.message).slice(0, 1000) : '[withheld]'
}

/** An error by its kind and place; its words only where they cannot hold a value. */
const toException = (error: unknown): NonNullable<SentryEvent['exception']> => {
  const isError = error instanceof Error
  const frames = isError ? defaultStackParser(placesOf(error)) : []
  const type = isError ? error.name : 'thrown'
  return { values: [{ type, value: toSafeMessage(error), stacktrace: { frames } }] }
}

const toEvent = ({ message, error, tags }: Trouble): SentryEvent => ({
  level: 'error',
  message,
  tags,
  ...(error !== undefined && { exception: toException(error) }),
})

const ours = new Set(
  'event_id timestamp platform level environment message tags exception type'.split(' '),
)

/** Whatever the client adds to an event, now or in a later version, does not leave. */
const keepOnlyOurs = <Sent extends SentryEvent>(event: Sent): Sent => {
  for (const key of Object.keys(event)) if (!ours.has(key)) Reflect.deleteProperty(event, key)
  return event
}

/**
 * Tells troubles to the Sentry project of a DSN. It waits at most two seconds: a trouble that cannot
 * be told stands in the log all the same.
 *
 * The client alone, without `init`: nothing is patched and nothing collected. What is sent is made
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
      beforeSend: keepOnlyOurs,
    })
    client.init()
    for (const trouble of troubles) client.captureEvent(toEvent(trouble), {}, new Scope())
    // Sends what is left and takes the client's listeners off the process, which lives on.
    await client.close(mostFlushMilliseconds)
  }
