import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { buildService } from '../local/package/build.ts'
import { readConfigurationFile } from '../src/config/file.ts'
import { startInstantAws, type InstantAws } from './instant-aws.ts'
import { InvokeMessage, type InvokeOrder, type InvokeWindow } from './invocations.ts'
import { print, type Figure } from './report.ts'
import { median, percentile } from './statistics.ts'

const ratePerSecond = 200
const secret = 'b'.repeat(64)
const account = { id: '000000000000', region: 'eu-west-3' }

const toEnvironment = (address: string): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  AWS_REGION: account.region,
  AWS_ENDPOINT_URL: address,
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'x'.repeat(40),
  STAGE: 'bench',
  TABLE_NAME: 'landfall-bench',
  RECONCILE_FUNCTION: 'landfall-bench-reconcile',
})

/** The windows of all handlers, and what each called in its own, for each delivery. */
const invoke = async (aws: InstantAws, order: InvokeOrder) => {
  const child = fork(fileURLToPath(new URL('./invoker.ts', import.meta.url)), {
    execArgv: [],
    env: toEnvironment(aws.address),
  })
  const windows: InvokeWindow[] = []
  const called = new Map<string, ReadonlyMap<string, number>>()
  child.on('message', (sent) => {
    const message = InvokeMessage.parse(sent)
    if (message === null) return
    if ('begun' in message) return aws.calls.clear()
    windows.push(message)
    called.set(message.name, new Map(aws.calls))
  })
  child.send(order)
  const [code] = z.array(z.unknown()).parse(await once(child, 'exit'))
  if (code !== 0) throw new Error('the process that invokes the handlers failed')
  return { windows, called }
}

const toFigures = (
  { windows, called }: Awaited<ReturnType<typeof invoke>>,
  { handlers, count }: InvokeOrder,
): readonly Figure[] => {
  const of = (name: string) => {
    const own = windows.filter((one) => one.name === name)
    const milliseconds = own.flatMap((one) => one.milliseconds)
    const processor = median(own.map((one) => one.processorMilliseconds))
    return { processor, p50: percentile(milliseconds, 0.5), p99: percentile(milliseconds, 0.99) }
  }
  const empty = of('empty')
  return handlers.map(({ name }) => {
    const { processor, p50, p99 } = of(name)
    const calls = [...(called.get(name) ?? [])].map(
      ([operation, times]) => `${(times / count).toFixed(2)} ${operation}`,
    )
    const above =
      name === 'empty' ? '' : `, ${(processor - empty.processor).toFixed(2)} above empty`
    return {
      what: `alone, ${name}, ${ratePerSecond}/s`,
      measured: [
        `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
        `processor ${processor.toFixed(2)} ms a delivery${above}`,
        `calls: ${calls.join(', ') || 'none'}`,
      ].join('; '),
      ...(name !== 'empty' && { bar: 'p99 < 50 ms', isKept: p99 < 50 }),
    }
  })
}

/**
 * The packaged webhook in a process of its own, before an AWS that answers at once, beside an empty handler: processor time
 * and calls of Landfall's own, without any of the table's.
 */
export const measureWebhookOwn = async (directory: string): Promise<readonly Figure[]> => {
  print('webhook: alone')
  const { configuration } = readConfigurationFile('landfall.example.yml')
  const { functions } = await buildService(configuration, account, join(directory, 'own'), print)
  const webhook = functions.find(({ name }) => name.endsWith('-webhook'))
  const empty = join(directory, 'empty-handler.cjs')
  writeFileSync(empty, 'exports.handler = async () => undefined\n')
  const file = join(webhook?.directory ?? '', 'handlers/webhook.cjs')
  const order: InvokeOrder = {
    handlers: [
      { name: 'empty', file: empty, branch: 'main', answer: '' },
      { name: 'ignored', file, branch: 'other', answer: '200 branch_not_deployed' },
      { name: 'recorded', file, branch: 'main', answer: '202 recorded' },
    ],
    secret,
    repository: configuration.apps[0]?.repository ?? '',
    warmUp: 2000,
    windows: 5,
    count: 400,
    ratePerSecond,
  }
  const aws = await startInstantAws(secret)
  try {
    return toFigures(await invoke(aws, order), order)
  } finally {
    aws.stop()
  }
}
