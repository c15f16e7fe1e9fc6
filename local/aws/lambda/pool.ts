import type { Environment } from './environment.ts'
import type { InvokeResult } from './function.ts'

export interface Pool {
  /** `kill`: begins with the event; when it resolves, the environment is gone, whatever it is at. */
  invoke(payload: string, kill?: () => Promise<unknown>): Promise<InvokeResult>
  stop(): Promise<void>
}

type Waiter = (environment: Environment) => void

/**
 * How long an event waits for a warm environment before another one is started. Lambda would start
 * it at once, on another machine; here a burst of cold starts would stand in its own way.
 */
const patienceMilliseconds = 30

/** Warm environments are used again; new ones start one after another, up to `size`. */
export const createPool = (start: () => Environment, size: number): Pool => {
  const idle: Environment[] = []
  const all = new Set<Environment>()
  let waiting: Waiter[] = []

  const create = (): Environment => {
    const started = start()
    all.add(started)
    return started
  }
  const takeWarm = (): Environment | null => {
    for (let found = idle.pop(); found; found = idle.pop()) {
      if (found.isAlive()) return found
      all.delete(found)
    }
    return null
  }
  const grow = (waiter: Waiter): void => {
    if (!waiting.includes(waiter) || all.size >= size) return
    if ([...all].some((environment) => environment.isCold())) return patiently(waiter)
    waiting = waiting.filter((one) => one !== waiter)
    waiter(create())
  }
  const patiently = (waiter: Waiter): void => {
    setTimeout(() => grow(waiter), patienceMilliseconds)
  }
  const take = (): Environment | Promise<Environment> => {
    const warm = takeWarm() ?? (all.size === 0 ? create() : null)
    if (warm !== null) return warm
    return new Promise((resolve) => {
      waiting.push(resolve)
      patiently(resolve)
    })
  }
  const give = (environment: Environment): void => {
    if (!environment.isAlive()) all.delete(environment)
    const next = waiting.shift()
    if (next) next(environment.isAlive() ? environment : create())
    else if (environment.isAlive()) idle.push(environment)
  }
  return {
    invoke: async (payload, kill) => {
      const environment = await take()
      const result = await environment.invoke(payload, kill)
      give(environment)
      return result
    },
    stop: async () => {
      waiting = []
      await Promise.all([...all].map((environment) => environment.stop()))
    },
  }
}
