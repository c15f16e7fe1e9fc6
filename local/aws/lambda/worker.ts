import { existsSync, readFileSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { parentPort } from 'node:worker_threads'

// The inside of one execution environment: it imports the bundle once and answers one event at a time. It
// knows its function by the variables of Lambda's runtime, and imports no package: each start would load it again.

enableCompileCache()

/** What environment.ts sends with each event. */
interface Message {
  readonly requestId: string
  readonly payload: string
  /** Milliseconds since 1970. */
  readonly deadline: number
  /** How many milliseconds the clock of the account is ahead of this machine's. */
  readonly ahead: number
}

/** The clock of the machine; what the function sees is that of the account. */
const machineNow = Date.now
let ahead = 0
globalThis.Date = new Proxy(Date, {
  construct: (target, given: [] | [number]) =>
    given.length === 0 ? new target(machineNow() + ahead) : new target(...given),
  get: (target, name): unknown =>
    name === 'now' ? () => machineNow() + ahead : Reflect.get(target, name),
})

const variable = (name: string): string => process.env[name] ?? ''

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

// Node reads it when a process begins, which a function of Lambda does and a thread does not.
const moreAuthorities = variable('NODE_EXTRA_CA_CERTS')
if (moreAuthorities !== '')
  setDefaultCACertificates([...getCACertificates(), readFileSync(moreAuthorities, 'utf8')])

type Handler = (event: unknown, context: unknown) => unknown
const isHandler = (value: unknown): value is Handler => typeof value === 'function'

const load = async (): Promise<Handler> => {
  const handler = variable('_HANDLER')
  const dot = handler.lastIndexOf('.')
  const stem = join(variable('LAMBDA_TASK_ROOT'), handler.slice(0, dot))
  const file = ['.mjs', '.js', '.cjs'].map((end) => stem + end).find((path) => existsSync(path))
  if (file === undefined) throw new Error(`No bundle at ${stem}`)
  const module: unknown = await import(pathToFileURL(file).href)
  const name = handler.slice(dot + 1)
  const found = memberOf(module, name) ?? memberOf(memberOf(module, 'default'), name)
  if (!isHandler(found)) throw new Error(`${file} exports no function ${name}`)
  // An environment is ended from outside, and would not write what it has compiled.
  flushCompileCache()
  return found
}

const toContext = (requestId: string, deadline: number) => ({
  awsRequestId: requestId,
  functionName: variable('AWS_LAMBDA_FUNCTION_NAME'),
  functionVersion: '$LATEST',
  invokedFunctionArn: variable('LANDFALL_LOCAL_FUNCTION_ARN'),
  memoryLimitInMB: variable('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'),
  logGroupName: variable('AWS_LAMBDA_LOG_GROUP_NAME'),
  logStreamName: variable('AWS_LAMBDA_LOG_STREAM_NAME'),
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => Math.max(0, deadline - machineNow()),
})

// Imported before any event is there, as in Lambda's init phase; a failure is told to the first event.
const loaded = load()

const answer = async (message: Message): Promise<unknown> => {
  const handler = await loaded
  ahead = message.ahead
  const event: unknown = JSON.parse(message.payload)
  return handler(event, toContext(message.requestId, message.deadline))
}

const toError = (error: unknown) => {
  if (!(error instanceof Error))
    return { errorType: typeof error, errorMessage: String(error), trace: [] }
  return {
    errorType: error.name,
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  }
}

const post = (message: object): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort?.postMessage(message)
}

const reply = (result: unknown, failed: boolean): void =>
  post({ payload: JSON.stringify(result ?? null), failed })

const tellReady = (): void => post({ ready: true })

loaded.then(tellReady, tellReady)

parentPort?.on('message', (message: Message) => {
  answer(message).then(
    (result) => reply(result, false),
    (error: unknown) => {
      process.stderr.write(`${JSON.stringify({ level: 'error', ...toError(error) })}\n`)
      reply(toError(error), true)
    },
  )
})
