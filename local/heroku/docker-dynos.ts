import { randomBytes } from 'node:crypto'
import { request as sendOn, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker } from '../docker/docker.ts'
import { freePort } from '../docker/free-port.ts'
import { stateLabel } from '../docker/network.ts'
import { createContainer, isBound, readOutput } from './container.ts'
import type { Dynos, Look, Process, Running } from './dynos.ts'
import { showPage } from './page.ts'
import type { RegistryImages } from './registry-images.ts'

export interface DockerDynosOptions {
  readonly images: Pick<RegistryImages, 'toReference'>
  /** Names the stack in the containers' labels; what an earlier run of it left is removed. */
  readonly stateDirectory: string
  /** What went wrong, a line each. */
  readonly say: (line: string) => void
}

export interface DockerDynos extends Dynos {
  /** Removes every container, and what was pulled. */
  stop(): Promise<void>
}

/** Names the app of a dyno's container. */
export const dynoLabel = 'landfall.dyno'

const pollMilliseconds = 100
/** After which Heroku ends a process that does not end by itself. */
const stopSeconds = 30
/** Of SIGTERM. */
const stoppedCode = 143

/** What is known of a process, written by what carries it out. */
interface Watched {
  look: Look
  port: number | null
  container: string | null
  isStopped: boolean
  /** What was pulled. */
  image: string | null
}

const pass = (port: number, incoming: IncomingMessage, response: ServerResponse): void => {
  const { method = 'GET', url = '/', headers, socket } = incoming
  const forwarded = {
    'x-forwarded-for': socket.remoteAddress ?? '',
    'x-forwarded-proto': 'http',
  }
  const options = { port, host: '127.0.0.1', method, path: url }
  const sent = sendOn({ ...options, headers: { ...headers, ...forwarded } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  sent.on('error', () => {
    if (response.headersSent) response.destroy()
    else showPage(response, 503, 'Application error')
  })
  response.on('close', () => sent.destroy())
  incoming.pipe(sent)
}

const waitForPort = async (watched: Watched, port: number): Promise<void> => {
  while (watched.look.end === null && !(await isBound(port))) await sleep(pollMilliseconds)
  if (watched.look.end === null) watched.look = { ...watched.look, upAt: Date.now() }
}

/** Pulls and starts the process's image, and stays until it has ended; its exit code. */
const carryOut = async (
  process: Process,
  watched: Watched,
  { images, stateDirectory }: DockerDynosOptions,
): Promise<number> => {
  const { app, name, type, image, env } = process
  const reference = await images.toReference(app, type, image)
  await docker(['pull', '--quiet', reference])
  watched.image = reference
  const port = type === 'web' ? await freePort() : null
  const container = await createContainer({
    name: `landfall-dyno-${app}-${name}-${randomBytes(4).toString('hex')}`,
    image: reference,
    labels: { [dynoLabel]: app, [stateLabel]: stateDirectory },
    env: { ...env, DYNO: name, ...(port !== null && { PORT: String(port) }) },
    port,
  })
  Object.assign(watched, { container, port })
  try {
    if (watched.isStopped) return stoppedCode
    await docker(['start', container])
    if (port !== null) void waitForPort(watched, port)
    const code = Number(await docker(['wait', container]))
    watched.look = { ...watched.look, output: await readOutput(container) }
    return code
  } finally {
    await docker(['rm', '--force', container])
  }
}

/** Removes the dynos of this stack that a run of it left. */
const removeLeft = async (stateDirectory: string): Promise<void> => {
  const filters = [dynoLabel, `${stateLabel}=${stateDirectory}`]
  const options = filters.flatMap((label) => ['--filter', `label=${label}`])
  const left = (await docker(['ps', '--all', '--quiet', ...options])).split('\n').filter(Boolean)
  if (left.length > 0) await docker(['rm', '--force', ...left])
}

/** Runs the processes as containers of this machine's engine. */
export const startDockerDynos = async (options: DockerDynosOptions): Promise<DockerDynos> => {
  await removeLeft(options.stateDirectory)
  const running = new Set<Promise<void>>()
  const stops = new Set<() => void>()
  const pulled = new Set<string>()

  const start = (process: Process): Running => {
    const look: Look = { upAt: null, end: null, output: '' }
    const watched: Watched = { look, port: null, container: null, isStopped: false, image: null }
    const stop = (): void => {
      if (watched.isStopped) return
      watched.isStopped = true
      const { container } = watched
      if (container === null) return
      // It may end by itself at this moment.
      docker(['stop', '--time', String(stopSeconds), container]).catch(() => undefined)
    }
    const end = (code: number): void => {
      watched.look = { ...watched.look, end: { at: Date.now(), code } }
    }
    const ended = carryOut(process, watched, options)
      .then(end, (error: unknown) => {
        options.say(`${process.app} ${process.name}: ${String(error)}`)
        end(1)
      })
      .finally(() => {
        running.delete(ended)
        if (watched.image !== null) pulled.add(watched.image)
        stops.delete(stop)
      })
    running.add(ended)
    stops.add(stop)
    return {
      look: () => watched.look,
      respond: (request, response) => {
        if (watched.port === null) showPage(response, 503, 'Application error')
        else pass(watched.port, request, response)
      },
      stop,
    }
  }
  return {
    start,
    stop: async () => {
      for (const stop of stops) stop()
      await Promise.all(running)
      // Another container may run one of them.
      if (pulled.size > 0) await docker(['rmi', ...pulled]).catch(() => undefined)
    },
  }
}
