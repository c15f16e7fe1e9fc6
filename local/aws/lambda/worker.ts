import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import * as z from 'zod'

// The inside of one execution environment: it imports the bundle once and answers one event at a time.

const Data = z.object({ directory: z.string(), handler: z.string(), name: z.string() })
const Message = z.object({ requestId: z.string(), payload: z.string(), deadline: z.number() })
const Handler = z.custom<(event: unknown, context: unknown) => unknown>(
  (value) => typeof value === 'function',
)

const data = Data.parse(workerData)

const load = async (): Promise<z.infer<typeof Handler>> => {
  const dot = data.handler.lastIndexOf('.')
  const stem = join(data.directory, data.handler.slice(0, dot))
  const file = ['.mjs', '.js', '.cjs'].map((end) => stem + end).find((path) => existsSync(path))
  if (file === undefined) throw new Error(`No bundle at ${stem}`)
  const module = z.record(z.string(), z.unknown()).parse({
    ...z.looseObject({}).parse(await import(pathToFileURL(file).href)),
  })
  const name = data.handler.slice(dot + 1)
  const fallback = z.record(z.string(), z.unknown()).safeParse(module['default']).data
  return Handler.parse(module[name] ?? fallback?.[name])
}

const toContext = (requestId: string, deadline: number) => ({
  awsRequestId: requestId,
  functionName: data.name,
  functionVersion: '$LATEST',
  invokedFunctionArn: process.env['LANDFALL_LOCAL_FUNCTION_ARN'] ?? '',
  memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? '',
  logGroupName: `/aws/lambda/${data.name}`,
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
})

// Imported before any event is there, as in Lambda's init phase; a failure is told to the first event.
const loaded = load()

const answer = async (message: z.infer<typeof Message>): Promise<unknown> => {
  const handler = await loaded
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

parentPort?.on('message', (raw: unknown) => {
  answer(Message.parse(raw)).then(
    (result) => reply(result, false),
    (error: unknown) => {
      process.stderr.write(`${JSON.stringify({ level: 'error', ...toError(error) })}\n`)
      reply(toError(error), true)
    },
  )
})
