import { availableParallelism } from 'node:os'
import { toArn, type Account } from '../account.ts'
import type { AccountClock } from '../account-clock.ts'
import type { KeyPair } from '../credentials.ts'
import type { Faults } from '../faults.ts'
import { createTimers } from '../timers.ts'
import { startEnvironment, type Environment, type WriteLog } from './environment.ts'
import type { InvokeResult, LambdaFunction } from './function.ts'
import { createPool, type Pool } from './pool.ts'

export interface RunnerParts {
  readonly account: Account
  readonly clock: AccountClock
  /** What a function signs its calls with. */
  readonly keyOf: (spec: LambdaFunction) => KeyPair
  /** Whether the function's role lets Lambda do this in its name. */
  readonly permits: (spec: LambdaFunction, action: string, resource: string) => boolean
  readonly functions: readonly LambdaFunction[]
  /** Where the SDK clients in the functions find AWS: `http://localhost:4566`. */
  readonly endpoint: () => string
  /** Laid over what the template says of each function. */
  readonly overrides: () => Readonly<Record<string, string>>
  readonly faults: Faults
  readonly writeLog: WriteLog
}

export interface Runner {
  find(name: string): LambdaFunction | null
  /** Waits for the answer. A throw of the function is a result. */
  invoke(name: string, payload: string): Promise<InvokeResult>
  /** At least once, later, with the function's own retries. */
  invokeAsync(name: string, payload: unknown): void
  /** Whether all that was woken has answered; a retry that is due later is not waited for. */
  isIdle(): boolean
  stop(): Promise<void>
}

/** On one machine more of them stand in each other's way: each compiles what is hot for itself. */
const environmentsPerFunction = availableParallelism()

/** Lambda waits a minute before the first retry of an async event and two before the second. */
const retryMilliseconds = 60_000

const toEnvironment = (
  parts: RunnerParts,
  spec: LambdaFunction,
): Readonly<Record<string, string>> => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LANG: 'en_US.UTF-8',
  TZ: ':UTC',
  AWS_REGION: parts.account.region,
  AWS_DEFAULT_REGION: parts.account.region,
  AWS_ACCESS_KEY_ID: parts.keyOf(spec).accessKeyId,
  AWS_SECRET_ACCESS_KEY: parts.keyOf(spec).secretAccessKey,
  AWS_ENDPOINT_URL: parts.endpoint(),
  AWS_LAMBDA_FUNCTION_NAME: spec.name,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMegabytes),
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
  AWS_LAMBDA_LOG_STREAM_NAME: 'local',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  LAMBDA_TASK_ROOT: spec.directory,
  _HANDLER: spec.handler,
  LANDFALL_LOCAL_FUNCTION_ARN: toArn(parts.account, 'lambda', `function:${spec.name}`),
  ...spec.environment,
  ...Object.fromEntries(
    Object.entries(parts.overrides()).filter(
      // Beside those of the template one of Node's own: the authorities of a registry of this machine.
      ([name]) => name in spec.environment || name === 'NODE_EXTRA_CA_CERTS',
    ),
  ),
})

/** A function writes its log by its own role: without the right it runs, and nothing of it is seen. */
const toWriteLog = (parts: RunnerParts, spec: LambdaFunction): WriteLog => {
  const stream = `log-group:/aws/lambda/${spec.name}:log-stream:local`
  const resource = toArn(parts.account, 'logs', stream)
  const actions = ['logs:CreateLogStream', 'logs:PutLogEvents']
  const mayLog = actions.every((action) => parts.permits(spec, action, resource))
  return mayLog ? parts.writeLog : () => undefined
}

const startFor = (parts: RunnerParts, spec: LambdaFunction): Environment => {
  const { aheadMilliseconds } = parts.clock
  const writeLog = toWriteLog(parts, spec)
  return startEnvironment(spec, toEnvironment(parts, spec), writeLog, aheadMilliseconds)
}

/** Knows whether anything is under way. */
const createCounter = () => {
  let underWay = 0
  return {
    count: async <Result>(work: () => Promise<Result>): Promise<Result> => {
      underWay += 1
      try {
        return await work()
      } finally {
        underWay -= 1
      }
    },
    isIdle: (): boolean => underWay === 0,
  }
}

/** Each function has its own worker threads, module cache and environment, as its own sandbox would. */
export const createRunner = (parts: RunnerParts): Runner => {
  const timers = createTimers()
  const specs = new Map(parts.functions.map((spec) => [spec.name, spec]))
  const pools = new Map<string, Pool>()
  const { count, isIdle } = createCounter()
  const soon = (work: () => Promise<void>): void =>
    void count(() => new Promise<void>((resolve) => timers.after(0, resolve)).then(work))

  const toPool = (spec: LambdaFunction): Pool => {
    const existing = pools.get(spec.name)
    if (existing) return existing
    const pool = createPool(() => startFor(parts, spec), environmentsPerFunction)
    pools.set(spec.name, pool)
    return pool
  }
  const invoke = async (name: string, payload: string): Promise<InvokeResult> => {
    const spec = specs.get(name)
    if (!spec) throw new Error(`No function ${name} is packaged`)
    return count(() => toPool(spec).invoke(payload))
  }
  /** Lambda sends the event to its destination; no queue is imitated. */
  const giveUp = (spec: LambdaFunction): void => {
    const { failureDestination } = spec
    if (failureDestination !== null) parts.permits(spec, 'sqs:SendMessage', failureDestination)
  }
  const attempt = async (
    spec: LambdaFunction,
    payload: string,
    since: number,
    tries: number,
  ): Promise<void> => {
    if (Date.now() - since > spec.maximumAgeSeconds * 1000) return giveUp(spec)
    const { functionError } = await toPool(spec).invoke(payload)
    if (functionError === null) return
    if (tries > spec.retries) return giveUp(spec)
    const again = () => soon(() => attempt(spec, payload, since, tries + 1))
    timers.after(retryMilliseconds * tries, again)
  }
  return {
    find: (name) => specs.get(name) ?? null,
    invoke,
    invokeAsync: (name, payload) => {
      const spec = specs.get(name)
      if (!spec) return
      const fate = parts.faults.onAsyncInvoke(name, payload)
      const text = JSON.stringify(payload)
      if (typeof fate === 'object') {
        const { when } = fate
        return soon(async () => void (await toPool(spec).invoke(text, when)))
      }
      const times = { lose: 0, run: 1, double: 2 }[fate]
      for (let time = 0; time < times; time += 1) soon(() => attempt(spec, text, Date.now(), 1))
    },
    isIdle,
    stop: async () => {
      timers.clear()
      await Promise.all([...pools.values()].map((pool) => pool.stop()))
    },
  }
}
