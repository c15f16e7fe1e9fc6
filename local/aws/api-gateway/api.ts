import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { StartError, toAddress } from '../../base/listen.ts'
import { tellTakenPort } from '../../base/holder.ts'
import type { Route } from '../template/service.ts'

export interface ApiOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly region: string
  readonly routes: readonly Route[]
  /** `http://localhost:4566` */
  readonly awsAddress: string
}

export interface Api {
  /** `http://localhost:3000` */
  readonly address: string
  stop(): Promise<void>
}

const Answer = z.union([z.object({ port: z.number() }), z.object({ error: z.string() })])

const toEnvironment = (options: ApiOptions): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'] ?? '',
  AWS_ENDPOINT_URL: options.awsAddress,
  AWS_REGION: options.region,
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
})

const toError = (text: string, port: number): StartError =>
  new StartError(
    text.includes('EADDRINUSE') ? tellTakenPort(port) : `The HTTP API did not start: ${text}`,
  )

/** serverless-offline, serving the packaged routes; the functions run in the local Lambda. */
export const startApi = async (options: ApiOptions): Promise<Api> => {
  const child = fork(fileURLToPath(new URL('./serve.ts', import.meta.url)), {
    env: toEnvironment(options),
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  child.send({ port: options.port, region: options.region, routes: options.routes })
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
