import type { Environment } from './environment.ts'
import type { InvokeResult } from './function.ts'

export interface Pool {
  invoke(payload: string): Promise<InvokeResult>
  stop(): Promise<void>
}

/** Warm environments are used again; when all are busy a new one starts, up to `size`, then callers wait. */
export const createPool = (start: () => Environment, size: number): Pool => {
  const idle: Environment[] = []
  const all = new Set<Environment>()
  const waiting: ((environment: Environment) => void)[] = []

  const take = (): Environment | Promise<Environment> => {
    for (let found = idle.pop(); found; found = idle.pop()) {
      if (found.isAlive()) return found
      all.delete(found)
    }
    if (all.size >= size) return new Promise((resolve) => waiting.push(resolve))
    const started = start()
    all.add(started)
    return started
  }
  const give = (environment: Environment): void => {
    const isAlive = environment.isAlive()
    if (!isAlive) all.delete(environment)
    const next = waiting.shift()
    if (next) {
      const successor = isAlive ? environment : start()
      all.add(successor)
      next(successor)
    } else if (isAlive) idle.push(environment)
  }
  return {
    invoke: async (payload) => {
      const environment = await take()
      const result = await environment.invoke(payload)
      give(environment)
      return result
    },
    stop: async () => {
      waiting.length = 0
      await Promise.all([...all].map((environment) => environment.stop()))
    },
  }
}
