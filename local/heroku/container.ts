import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import * as z from 'zod'
import { findEngineHost, run } from '../docker/docker.ts'

const findEngine = async () => ({ socketPath: new URL(await findEngineHost()).pathname })

const Created = z.object({ Id: z.string() })

export interface NewContainer {
  readonly name: string
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string>>
  /** Reached by this machine alone; null: none. */
  readonly port: number | null
}

/** Heroku runs no process as root. */
const user = '20000:20000'

/** By the engine's API: no other way has values of several lines, and values that no other process sees. */
export const createContainer = async (container: NewContainer): Promise<string> => {
  const { name, image, labels, env, port } = container
  const ports = port === null ? {} : { [`${port}/tcp`]: {} }
  const bindings = { [`${port}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] }
  const body = JSON.stringify({
    Image: image,
    Labels: labels,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    User: user,
    ExposedPorts: ports,
    HostConfig: port === null ? {} : { PortBindings: bindings },
  })
  const options = {
    ...(await findEngine()),
    path: `/containers/create?name=${encodeURIComponent(name)}`,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  }
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    request(options, resolve).on('error', reject).end(body),
  )
  const text = (await answer.setEncoding('utf8').toArray()).join('')
  if (answer.statusCode !== 201) throw new Error(`the engine answers: ${text}`)
  return Created.parse(JSON.parse(text)).Id
}

/** What it printed, in the order of both its streams. */
export const readOutput = (container: string): Promise<string> =>
  run('sh', ['-c', 'docker logs "$1" 2>&1', 'sh', container])

/** How long the engine's own proxy, which answers every connection, takes to close one that leads nowhere. */
const closeMilliseconds = 200

/** Whether a process listens behind the port. */
export const isBound = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (isThere: boolean) => () => {
      resolve(isThere)
      socket.destroy()
    }
    socket.on('connect', () => socket.setTimeout(closeMilliseconds, end(true)))
    socket.on('data', end(true)).on('close', end(false)).on('error', end(false))
  })
