import { spawnSync } from 'node:child_process'
import { createServer, type ServerResponse } from 'node:http'
import * as z from 'zod'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lambda } from '../../src/lambda.ts'

/** A Sentry of our own: keeps the envelopes that reach it. */
const startSentry = async () => {
  const envelopes: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      envelopes.push(Buffer.concat(chunks).toString())
      own.answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const own = {
    envelopes,
    answer: (response: ServerResponse): void => void response.end('{}'),
    dsn: `http://abcdef0123456789abcdef0123456789@127.0.0.1:${address.port}/42`,
    stop: () => server.close().closeAllConnections(),
  }
  return own
}

let sentry: Awaited<ReturnType<typeof startSentry>>
beforeEach(async () => {
  sentry = await startSentry()
  vi.stubEnv('SENTRY_DSN', sentry.dsn)
  vi.stubEnv('STAGE', 'prod')
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  sentry.stop()
})

const Event = z.record(z.string(), z.unknown())

/** The event of an envelope: header, item header, item. */
const eventOf = (envelope: string | undefined): z.infer<typeof Event> =>
  Event.parse(JSON.parse(envelope?.split('\n')[2] ?? 'null'))

const crash = (error: unknown) =>
  lambda(
    'reconcile',
    () => null,
    async () => {
      throw error
    },
  )({})

test('tells what a function throws, and throws it on', async () => {
  await expect(crash(new TypeError('x is not a function'))).rejects.toThrow('x is not a function')
  expect(sentry.envelopes).toHaveLength(1)
  expect(eventOf(sentry.envelopes[0])).toMatchObject({
    level: 'error',
    environment: 'prod',
    message: 'reconcile crashed',
    tags: { function: 'reconcile' },
    exception: {
      values: [
        {
          type: 'TypeError',
          value: 'x is not a function',
        },
      ],
    },
  })
})

test('tells where it was thrown', async () => {
  await crash(new Error('x')).catch(() => undefined)
  expect(sentry.envelopes[0]).toContain('"filename":')
  expect(sentry.envelopes[0]).toContain('lambda.test.ts')
})

test('tells what is logged as an error, with app, deployment and reason', async () => {
  const handler = lambda(
    'reconcile',
    (log) => log.with({ app: 'shop' }),
    async (log) => {
      log().error('deployment failed', { generation: 7, reason: 'unhealthy', tail: ['a line'] })
      return 'answer'
    },
  )
  expect(await handler({})).toBe('answer')
  expect(eventOf(sentry.envelopes[0])).toMatchObject({
    message: 'deployment failed',
    tags: { function: 'reconcile', app: 'shop', deployment: '7', reason: 'unhealthy' },
  })
})

test('tells an error once that is logged and then thrown', async () => {
  const error = new Error('x')
  const handler = lambda(
    'reconcile',
    (log) => log,
    async (log) => {
      log().error('failed to reconcile app', { app: 'shop', error })
      throw error
    },
  )
  await expect(handler({})).rejects.toBe(error)
  expect(sentry.envelopes).toHaveLength(1)
  expect(eventOf(sentry.envelopes[0])).toMatchObject({ tags: { app: 'shop' } })
})

test('tells of a function that cannot be composed', async () => {
  const handler = lambda(
    'reconcile',
    () => {
      throw new Error('TABLE_NAME is missing')
    },
    async (services) => services(),
  )
  await expect(handler({})).rejects.toThrow('TABLE_NAME')
  expect(sentry.envelopes[0]).toContain('TABLE_NAME is missing')
})

test('composes the services on the first call and keeps them, but not a failure', async () => {
  let made = 0
  const handler = lambda(
    'webhook',
    () => {
      made += 1
      if (made === 1) throw new Error('TABLE_NAME is missing')
      return made
    },
    async (services, event: 'health' | 'hook') => (event === 'hook' ? services() : 0),
  )
  expect(await handler('health')).toBe(0)
  expect(made).toBe(0)
  await expect(handler('hook')).rejects.toThrow('TABLE_NAME')
  expect(await handler('hook')).toBe(2)
  expect(await handler('hook')).toBe(2)
})

const planted = 'correct-horse-battery-staple'

const thrownBy = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error
  }
}

test.each([
  ['a secret that could not be parsed', thrownBy(() => JSON.parse(planted))],
  [
    'a cause and a property',
    Object.assign(new Error('refused', { cause: new Error(planted) }), { input: planted }),
  ],
  ['something thrown that is no error', planted],
  ['an error of a kind we do not know', Object.assign(new Error(planted), { name: 'PgError' })],
  ['a GitHub token', new Error(`GET failed: ghp_${planted.replaceAll('-', '')}`)],
  ['a bearer token', new Error(`authorization: Bearer ${planted}`)],
  ['a password in a URL', new Error(`postgres://shop:${planted}@db.example/shop`)],
  ['a hook path', new Error(`POST /hooks/docker-hub/shop/${planted} failed`)],
  ['a query', new Error(`https://api.render.com/deploy/srv-1?key=${planted}`)],
  ['a message of several lines', Object.assign(new SyntaxError(`x\n    at ${planted}\n y`))],
])('does not tell the value in %s', async (_, error) => {
  vi.stubEnv('APP_PASSWORD', planted)
  await crash(error).catch(() => undefined)
  expect(sentry.envelopes).toHaveLength(1)
  expect(sentry.envelopes.join()).not.toContain(planted)
  expect(sentry.envelopes.join()).not.toContain(planted.replaceAll('-', ''))
})

test('tells nothing of the machine, its environment or what it was called with', async () => {
  await crash(new Error('x')).catch(() => undefined)
  const keys = Object.keys(eventOf(sentry.envelopes[0]))
  expect(new Set(keys)).toEqual(
    new Set('event_id timestamp platform level environment message tags exception sdk'.split(' ')),
  )
})

test('ends after two seconds, and with the same error, where Sentry does not answer', async () => {
  const asked = Promise.withResolvers<void>()
  const giveUp = new AbortController()
  sentry.answer = () => asked.resolve()
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(giveUp.signal)
  const crashed = expect(crash(new Error('the error'))).rejects.toThrow('the error')
  await asked.promise
  giveUp.abort()
  await crashed
  expect(timeout).toHaveBeenCalledWith(2000)
})

test('ends with the same error where Sentry cannot be reached', async () => {
  vi.stubEnv('SENTRY_DSN', 'http://abcdef0123456789abcdef0123456789@127.0.0.1:9/42')
  await expect(crash(new Error('the error'))).rejects.toThrow('the error')
})

test('ends with the same error where the DSN is none', async () => {
  vi.stubEnv('SENTRY_DSN', 'nonsense')
  await expect(crash(new Error('the error'))).rejects.toThrow('the error')
  expect(sentry.envelopes).toEqual([])
})

const between = '-- next'
const toStep = (act: string): string => `
    await lambda('status', (log) => log, async (services) => { const log = services(); ${act} })({})
    process.stderr.write('${between}\\n')`

/** Runs the acts in a process of its own, and says which modules of Sentry each of them loaded. */
const loadedBy = (...acts: readonly string[]): string[][] => {
  const script = `
    import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => {
      if (url.includes('@sentry')) process.stderr.write(url + '\\n')
      return next(url, context)
    } })
    const { lambda } = await import('./src/lambda.ts')
    ${acts.map(toStep).join('\n')}`
  const { stderr, status } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '--eval', script],
    { encoding: 'utf8', env: { ...process.env, SENTRY_DSN: 'http://abc@127.0.0.1:9/1' } },
  )
  expect(status, stderr).toBe(0)
  const steps = stderr.split(`${between}\n`).slice(0, acts.length)
  return steps.map((lines) => lines.split('\n').filter((line) => line.includes('@sentry')))
}

test('loads Sentry when there is something to tell, and not before', () => {
  const [before, then] = loadedBy("log.info('all is well')", "log.error('something is not')")
  expect(before).toEqual([])
  expect(then).not.toEqual([])
})
