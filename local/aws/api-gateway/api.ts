import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { StartError, toAddress } from '../../base/listen.ts'
import { tellTakenPort } from '../../base/holder.ts'
import type { ClientSettings } from '../credentials.ts'
import type { Route } from '../template/service.ts'

export interface ApiOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly routes: readonly Route[]
  /** Names besides loopback's by which it may be called: a tunnel's. */
  readonly hosts?: readonly string[]
  /** Invokes the functions. */
  readonly client: ClientSettings
}

export interface Api {
  /** `http://localhost:3000` */
  readonly address: string
  stop(): Promise<void>
}

const Answer = z.union([z.object({ port: z.number() }), z.object({ error: z.string() })])

const toEnvironment = ({ endpoint, region, credentials }: ClientSettings): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '',
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
})

const toError = (text: string, port: number): StartError =>
  new StartError(
    text.includes('EADDRINUSE') ? tellTakenPort(port) : `The HTTP API did not start: ${text}`,
  )

/** serverless-offline, serving the packaged routes; the functions run in the local Lambda. */
export const startApi = async (options: ApiOptions): Promise<Api> => {
  const child = fork(fileURLToPath(new URL('./serve.ts', import.meta.url)), {
    env: toEnvironment(options.client),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  const { port, routes, client, hosts = [] } = options
  child.send({ port, region: client.region, routes, hosts })
  const [message]: unknown[] = await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => [{ error: `it ended with code ${String(code)}` }]),
  ])
  const answer = Answer.parse(message)
  if ('error' in answer) {
    child.kill()
    throw toError(answer.error, options.port)
  }
  return {
    address: toAddress(answer.port),
    stop: async () => {
      child.kill()
      await exited
    },
  }
}
