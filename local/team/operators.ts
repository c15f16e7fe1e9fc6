import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import * as z from 'zod'
import type { Stack } from '../stack/stack.ts'

const Step = z.object({ name: z.string(), status: z.string(), seconds: z.number().nullable() })

/** What a commit is. */
const Origin = z
  .object({
    title: z.string().nullable(),
    author: z.string().nullable(),
    login: z.string().nullable(),
    runUrl: z.string().nullable(),
    compareUrl: z.string().nullable(),
  })
  .nullable()

const Deployment = z.object({
  generation: z.number(),
  kind: z.string(),
  by: z.string(),
  status: z.enum(['queued', 'in_progress', 'succeeded', 'failed', 'cancelled', 'rolled_back']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  commit: z.string().nullable(),
  digest: z.string(),
  origin: Origin,
  openedAt: z.string(),
  endedAt: z.string().nullable(),
  steps: z.array(
    z.object({
      instance: z.string(),
      purpose: z.string(),
      outcome: z.string(),
      reason: z.string().nullable(),
      message: z.string().nullable(),
      steps: z.array(Step),
      tail: z.array(z.string()).default([]),
    }),
  ),
})
export type ShownDeployment = z.infer<typeof Deployment>

const Status = z.object({
  app: z.string(),
  live: z
    .object({
      generation: z.number(),
      commit: z.string().nullable(),
      digest: z.string(),
      origin: Origin,
    })
    .nullable(),
  open: z.number().nullable(),
  waiting: z.array(
    z.object({
      revision: z.string(),
      origin: Origin,
      lacks: z.array(z.string()),
      reason: z.string().nullable(),
    }),
  ),
  moved: z.array(z.object({ revision: z.string(), digest: z.string() })),
  request: z.object({ refusal: z.string().nullable() }).nullable(),
  /** Commits and digests; of one that shares its image with another release, more. */
  quarantine: z.array(z.unknown()),
  deployments: z.array(Deployment),
})
export type ShownStatus = z.infer<typeof Status>

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
    Status.parse(await invoke('status', { app }))
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
