import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../local/docker/free-port.ts'

export interface RegistryAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The fault of one request to the registry; null: it passes. */
export type RegistryFault =
  | { readonly kind: 'instead'; readonly answer: RegistryAnswer }
  | { readonly kind: 'altered'; readonly alter: (body: Buffer) => Buffer }
  | { readonly kind: 'slow'; readonly milliseconds: number }

export interface RegistryProxy {
  /** `127.0.0.1:<port>`: what stands before the image's name. */
  readonly host: string
  /** The registry behind it; known only once that runs. */
  passTo(registry: string): void
  onRequest: (method: string, path: string) => RegistryFault | null
  stop(): Promise<void>
}

const passed = ['content-type', 'docker-content-digest', 'www-authenticate', 'location', 'etag']

const write = async (
  response: ServerResponse,
  answer: RegistryAnswer,
  milliseconds: number,
  isHead: boolean,
): Promise<void> => {
  const length = answer.headers['content-length'] ?? String(answer.body.length)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': length })
  const half = Math.floor(answer.body.length / 2)
  if (milliseconds > 0 && !isHead) {
    response.write(answer.body.subarray(0, half))
    await sleep(milliseconds)
    response.end(answer.body.subarray(half))
  } else response.end(isHead ? undefined : answer.body)
}

/** A proxy before a registry, for docker and Landfall: passes what they read, with faults on demand. */
export const startRegistryProxy = async (): Promise<RegistryProxy> => {
  let registry = ''
  const fetchBehind = async (method: string, path: string, accept: string) => {
    const response = await fetch(`http://${registry}${path}`, { method, headers: { accept } })
    const names = method === 'HEAD' ? [...passed, 'content-length'] : passed
    const headers = names.flatMap((name) => {
      const value = response.headers.get(name)
      return value === null ? [] : [[name, value.replace(registry, host)] as const]
    })
    const body = Buffer.from(await response.arrayBuffer())
    return { status: response.status, headers: Object.fromEntries(headers), body }
  }
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request
    const serve = async (): Promise<void> => {
      const fault = proxy.onRequest(method, url)
      const isHead = method === 'HEAD'
      if (fault?.kind === 'instead') return write(response, fault.answer, 0, isHead)
      const accept = request.headers.accept ?? '*/*'
      const answer = await fetchBehind(method, url, accept)
      const body = fault?.kind === 'altered' ? fault.alter(answer.body) : answer.body
      const slow = fault?.kind === 'slow' ? fault.milliseconds : 0
      return write(response, { ...answer, body }, slow, isHead)
    }
    serve().catch(() => response.destroy())
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${port}`
  const proxy: RegistryProxy = {
    host,
    passTo: (behind) => void (registry = behind),
    onRequest: () => null,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}
