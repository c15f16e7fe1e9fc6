import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { AppAnswer, type DeploymentAnswer } from '../../src/answers/status.ts'
import type { Stack } from '../stack/stack.ts'

export type ShownDeployment = DeploymentAnswer
export type ShownStatus = AppAnswer

export interface Operators {
  invoke(name: string, input: unknown): Promise<unknown>
  status(app: string): Promise<ShownStatus>
  /** The deployment of this generation once it has ended, and the app is free for the next one. */
  waitForEnd(app: string, generation: number, seconds?: number): Promise<ShownDeployment>
}

/** From a write to the look at whether a deployment has ended, which runs a function: few writes come alone. */
const settleMilliseconds = 100
/** Without a write: a stack that is started again tells nothing of the one before. */
const restartMilliseconds = 2000

/** The operator functions, invoked as `sls invoke` does it. */
export const createOperators = ({
  client,
  nextWrite,
}: Pick<Stack, 'client' | 'nextWrite'>): Operators => {
  const lambda = new LambdaClient(client)
  const invoke = async (name: string, input: unknown): Promise<unknown> => {
    const FunctionName = `landfall-local-${name}`
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(input)) }),
    )
    const text = Buffer.from(answer.Payload ?? []).toString()
    if (answer.FunctionError !== undefined) throw new Error(`${FunctionName}: ${text}`)
    return JSON.parse(text)
  }
  const status = async (app: string): Promise<ShownStatus> =>
    AppAnswer.parse(await invoke('status', { app }))
  return {
    invoke,
    status,
    waitForEnd: async (app, generation, seconds = 120) => {
      const until = performance.now() + seconds * 1000
      for (;;) {
        const written = nextWrite()
        const { deployments, ...now } = await status(app)
        const found = deployments.find((one) => one.generation === generation)
        const isFree = now.open !== generation
        if (found !== undefined && found.endedAt !== null && isFree) return found
        if (performance.now() > until)
          throw new Error(
            `deployment #${generation} of ${app} had not ended after ${seconds} s: ${JSON.stringify({ ...now, found })}`,
          )
        await Promise.race([written, sleep(restartMilliseconds, undefined, { ref: false })])
        await sleep(settleMilliseconds)
      }
    },
  }
}
