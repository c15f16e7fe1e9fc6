// An ordinary web app, as a team would deploy it: it knows nothing of who deploys it. Its settings
// are variables (see Behaviour in ../images.ts).
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

interface Answer {
  readonly status?: number
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

const { env } = process
const version = env['VERSION'] ?? ''
const fault = env['FAULT']
const allowedHosts = (env['ALLOWED_HOSTS'] ?? '').split(',').filter(Boolean)
const healthPath = env['HEALTH_PATH'] ?? '/healthz'
const port = Number(env['PORT'] ?? 8000) + (fault === 'wrong_port' ? 1 : 0)

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const milliseconds = (seconds: string): number => Number(seconds) * 1000

if (fault === 'exits') throw new Error('Cannot find module "settings"')
if (fault === 'prints_environment') {
  for (const [name, value] of Object.entries(env)) print(`${name}=${value ?? ''}`)
  throw new Error('ImproperlyConfigured: the settings above are not complete')
}

/** One writer at a time, like the SQLite file of a small Django site; the lock dies with the process. */
const openDatabase = (directory: string): DatabaseSync => {
  const database = new DatabaseSync(`${directory}/app.sqlite3`)
  database.exec('PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE IF NOT EXISTS starts (version TEXT)')
  database.prepare('INSERT INTO starts VALUES (?)').run(version)
  return database
}
const database = env['DATA'] === undefined ? null : openDatabase(env['DATA'])

/** What waits until a test lets it go on, by SIGUSR2. */
const held: (() => void)[] = []
process.on('SIGUSR2', () => {
  for (const letGo of held.splice(0)) letGo()
})
const hold = (what: string): Promise<void> =>
  new Promise((resolve) => {
    // A process that waits for nothing but a signal would end.
    const awake = setInterval(() => undefined, 60_000)
    held.push(() => {
      clearInterval(awake)
      resolve()
    })
    print(`${what} is held`)
  })

/** Bytes of the body, once it is there. */
const readBody = async (request: IncomingMessage): Promise<number> => {
  print('an upload begins')
  let bytes = 0
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) bytes += chunk.length
  return bytes
}

type Route = (
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
  request: IncomingMessage,
) => Answer | Promise<Answer>

const routes: Readonly<Record<string, Route>> = {
  '/': () => ({ text: version }),
  [healthPath]: () => ({ text: healthPath === '/' ? version : 'ok' }),
  '/slow': async (query) => {
    await sleep(milliseconds(query.get('seconds') ?? '10'))
    return { text: version }
  },
  '/held': async () => {
    await hold('a request')
    return { text: version }
  },
  '/starts': () => {
    const starts = database?.prepare('SELECT version FROM starts').all() ?? []
    return { text: starts.map((start) => String(start['version'])).join('\n') }
  },
  '/header': (query, headers) => {
    const value = headers[query.get('name') ?? '']
    return value === undefined ? { status: 404, text: 'not sent' } : { text: String(value) }
  },
  // As an app that fails: `/answer?status=500`.
  '/answer': (query) => ({ status: Number(query.get('status') ?? 200), text: 'as asked' }),
  // Answers before it has read what is uploaded, and reads no more of it.
  '/early': () => ({ status: 413, text: 'too large', headers: { connection: 'close' } }),
  '/long-header': (query) => ({
    text: 'as asked',
    headers: { 'x-long': 'x'.repeat(Number(query.get('bytes') ?? 0)) },
  }),
  // Which connection the request came by.
  '/connection': (_, __, { socket }) => ({ text: String(socket.remotePort) }),
  '/upload': async (_, __, request) => ({ text: String(await readBody(request)) }),
  // Tells a test whether a setting arrived unchanged, without showing it.
  '/setting': (query) => {
    const value = env[query.get('name') ?? '']
    if (value === undefined) return { status: 404, text: 'unset' }
    return { text: createHash('sha256').update(value).digest('hex') }
  },
}

/** Events of a stream, each with the time at which it was sent, in milliseconds. */
const stream = async (response: ServerResponse): Promise<void> => {
  // nginx would collect events until its buffer is full.
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
  while (!response.closed) {
    response.write(`data: ${performance.timeOrigin + performance.now()}\n\n`)
    await sleep(25)
  }
}

const answer = async (url: URL, host: string, request: IncomingMessage): Promise<Answer> => {
  if (allowedHosts.length > 0 && !allowedHosts.includes(host))
    return { status: 400, text: `Invalid HTTP_HOST header: '${host}'` }
  if (fault === 'never_healthy') return { status: 503, text: 'starting' }
  if (fault === 'answers_500' && url.pathname !== healthPath)
    return { status: 500, text: `${version} is broken` }
  const route = routes[url.pathname]
  return route?.(url.searchParams, request.headers, request) ?? { status: 404, text: 'not found' }
}

let stopping = false
const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://app')
  const host = (request.headers.host ?? '').replace(/:\d+$/, '')
  if (url.pathname === '/events') return stream(response)
  const { status = 200, text, headers } = await answer(url, host, request)
  // A connection that is kept would hold the process up after its last answer.
  response.shouldKeepAlive &&= !stopping
  const type = { 'content-type': 'text/plain; charset=utf-8' }
  response.writeHead(status, { ...type, ...headers }).end(`${text}\n`)
}

const isEcho = ({ url, headers }: IncomingMessage): boolean =>
  url === '/echo' && headers.upgrade?.toLowerCase() === 'websocket'
const server = createServer({ shouldUpgradeCallback: isEcho }, (request, response) => {
  void respond(request, response)
})
// A WebSocket, which is answered what it sends, as it is: a frame of a server is not masked, and a client may take both.
server.on('upgrade', ({ headers }, socket) => {
  const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key']}${magic}`)
    .digest('base64')
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade`
  socket.write(`${head}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
  socket.on('error', () => undefined).pipe(socket)
})
if (env['KEEP_ALIVE_SECONDS'] !== undefined) {
  server.keepAliveTimeout = milliseconds(env['KEEP_ALIVE_SECONDS'])
  // Node would add a second, lest a request meets the end.
  server.keepAliveTimeoutBuffer = 0
}

if (env['START_HELD'] !== undefined) await hold('the start')
await sleep(milliseconds(env['START_DELAY_SECONDS'] ?? '0'))
server.listen(port, '0.0.0.0')
await once(server, 'listening')
print(`${version} listens on ${port}`)

// What was asked is answered; nothing new is taken.
process.once('SIGTERM', () => {
  stopping = true
  server.close(() => {
    database?.close()
    print('stopped')
  })
  server.closeIdleConnections()
})
