import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import dynalite from 'dynalite'

export interface DynamoDb {
  /** Handed the untouched request: dynalite reads the body itself. */
  readonly handle: RequestListener
  /** Resolves when every request so far is answered, also one whose caller has gone. */
  settle(): Promise<void>
  close(): Promise<void>
}

/** Resolves when dynalite is done with the request, whether or not its caller is still there. */
const whenAnswered = (request: IncomingMessage, response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const end = response.end.bind(response)
    response.end = (chunk?: unknown) => {
      resolve()
      return chunk === undefined ? end() : end(chunk)
    }
    // dynalite does not begin a request that it has not read whole.
    response.once('close', () => {
      if (!request.readableEnded) resolve()
    })
  })

/**
 * dynalite on disk, or in memory where no path is given. It has no transactions, no TTL calls and no
 * item on a failed condition.
 */
export const openDynamoDb = async (path?: string): Promise<DynamoDb> => {
  const times = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }
  const server = dynalite(path === undefined ? times : { ...times, path })
  // Nobody calls at this port, but a server that never listened would not close its database.
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const open = new Set<Promise<void>>()
  const settle = async (): Promise<void> => void (await Promise.all(open))
  return {
    handle: (request, response) => {
      if (request.destroyed) return
      const answered = whenAnswered(request, response)
      open.add(answered)
      void answered.then(() => open.delete(answered))
      server.emit('request', request, response)
      // dynalite rethrows the error of a request whose caller has gone.
      request.removeAllListeners('error').on('error', () => {})
    },
    settle,
    close: async () => {
      // dynalite throws where its database closes during a request.
      await settle()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
