import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import * as z from 'zod'
import { toFailure, type InvokeResult, type LambdaFunction } from './function.ts'

/** One execution environment: a worker thread with the bundle in it, serving one event at a time. */
export interface Environment {
  /** Never rejects: a throw, an exit and a timeout are results. */
  invoke(payload: string, kill?: () => Promise<unknown>): Promise<InvokeResult>
  isAlive(): boolean
  /** Whether its bundle is still being imported. */
  isCold(): boolean
  stop(): Promise<void>
}

export type WriteLog = (functionName: string, line: string) => void

const Answer = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ payload: z.string(), failed: z.boolean() }),
])

const logTailLines = 40
/** Lambda gives the import of a bundle ten seconds of its own; the function's time begins after it. */
const initMilliseconds = 10_000

const startWorker = (spec: LambdaFunction, environment: Readonly<Record<string, string>>): Worker =>
  new Worker(new URL('./worker.ts', import.meta.url), {
    env: environment,
    // Node strips the types itself; a parent's loader has no business in a Lambda.
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: spec.memoryMegabytes },
  })

interface Life {
  readonly log: (line: string) => void
  readonly tail: () => string
  readonly isAlive: () => boolean
  readonly isCold: () => boolean
  readonly warm: () => void
  /** Calls back once the bundle is imported, or at once where it is. */
  readonly whenWarm: (begin: () => void) => void
  /** Answers the invocation that waits. */
  readonly finish: (result: InvokeResult) => void
  readonly expect: (settle: (result: InvokeResult) => void) => void
  /** Ends the environment and answers the invocation that waits with the reason. */
  readonly die: (type: string, message: string) => void
}

const createLife = (name: string, writeLog: WriteLog): Life => {
  let lines: string[] = []
  let settle: ((result: InvokeResult) => void) | null = null
  let isAlive = true
  let isCold = true
  let beginWhenWarm: (() => void) | null = null
  const log = (line: string): void => {
    lines = [...lines.slice(1 - logTailLines), line]
    writeLog(name, line)
  }
  const finish = (result: InvokeResult): void => {
    settle?.(result)
    settle = null
  }
  return {
    log,
    finish,
    tail: () => lines.join('\n'),
    isAlive: () => isAlive,
    isCold: () => isAlive && isCold,
    warm: () => {
      isCold = false
      beginWhenWarm?.()
      beginWhenWarm = null
    },
    whenWarm: (begin) => {
      if (isCold) beginWhenWarm = begin
      else begin()
    },
    expect: (next) => {
      lines = []
      settle = next
    },
    die: (type, message) => {
      if (!isAlive) return
      isAlive = false
      log(JSON.stringify({ level: 'error', message, errorType: type }))
      finish(toFailure(type, message, lines.join('\n')))
    },
  }
}

const toText = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)

const follow = (worker: Worker, life: Life): void => {
  for (const input of [worker.stdout, worker.stderr])
    createInterface({ input }).on('line', (line) => life.log(line))
  worker.on('message', (message: unknown) => {
    const answer = Answer.parse(message)
    if ('ready' in answer) return life.warm()
    const { payload, failed } = answer
    life.finish({ payload, functionError: failed ? 'Unhandled' : null, log: life.tail() })
  })
  worker.on('error', (error: unknown) => life.die('Runtime.UncaughtException', toText(error)))
  worker.on('exit', (code) =>
    life.die('Runtime.ExitError', `The function exited with code ${code}.`),
  )
}

export const startEnvironment = (
  spec: LambdaFunction,
  environment: Readonly<Record<string, string>>,
  writeLog: WriteLog,
  aheadMilliseconds: () => number,
): Environment => {
  const worker = startWorker(spec, environment)
  const life = createLife(spec.name, writeLog)
  follow(worker, life)
  const milliseconds = spec.timeoutSeconds * 1000
  const timedOut = `Task timed out after ${spec.timeoutSeconds.toFixed(2)} seconds`
  return {
    isAlive: life.isAlive,
    isCold: life.isCold,
    invoke: (payload, kill) =>
      new Promise((resolve) => {
        const end = (type: string, message: string) => (): void => {
          life.die(type, message)
          void worker.terminate()
        }
        const giveUp = end('Sandbox.Timedout', timedOut)
        let isAnswered = false
        let timer = setTimeout(giveUp, initMilliseconds + milliseconds)
        life.expect((result) => {
          clearTimeout(timer)
          isAnswered = true
          resolve(result)
        })
        life.whenWarm(() => {
          clearTimeout(timer)
          timer = setTimeout(giveUp, milliseconds)
          const message = {
            requestId: randomUUID(),
            payload,
            deadline: Date.now() + milliseconds,
            ahead: aheadMilliseconds(),
          }
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
          worker.postMessage(message)
          const killed = end('Sandbox.Killed', 'The environment is gone.')
          const die = (): void => (isAnswered ? undefined : killed())
          if (kill !== undefined) void kill().then(die)
        })
      }),
    stop: async () => {
      life.finish(toFailure('Runtime.Stopped', 'The local stack was stopped.'))
      worker.removeAllListeners('exit')
      await worker.terminate()
    },
  }
}
