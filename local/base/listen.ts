import type { Server } from 'node:net'
import { tellTakenPort } from './holder.ts'

/** Something that the person who starts the stack can put right; printed as one line. */
export class StartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartError'
  }
}

/** Turns a failure whose message was written for the person who starts the stack into one that is shown. */
export const forPerson = <Value>(attempt: Promise<Value>): Promise<Value> =>
  attempt.catch((error: unknown) => {
    throw new StartError(error instanceof Error ? error.message : String(error))
  })

const isBusy = (error: Error): boolean => 'code' in error && error.code === 'EADDRINUSE'

/** Loopback only: whoever reaches this endpoint is root on the instances. */
export const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(isBusy(error) ? new StartError(tellTakenPort(port)) : error),
    )
    server.listen(port, 'localhost', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })

export const toAddress = (port: number): string => `http://localhost:${port}`
