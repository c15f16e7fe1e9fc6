import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import dynalite from 'dynalite'
import { toHeader, type HttpRequest } from './http.ts'

export interface DynamoDb {
  readonly handle: (request: HttpRequest, response: ServerResponse) => void
  /** Resolves when every request so far is answered, also one whose caller has gone. */
  settle(): Promise<void>
  /** The next answer to a call that may have changed an item. */
  readonly nextWrite: () => Promise<void>
  close(): Promise<void>
}

/** Resolves when dynalite is done with the request, whether or not its caller is still there. */
const whenAnswered = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const end = response.end.bind(response)
    response.end = (chunk?: unknown) => {
      resolve()
      return chunk === undefined ? end() : end(chunk)
    }
  })

const isWrite = ({ headers }: HttpRequest): boolean =>
  /\.(?:Put|Update|Delete|BatchWrite|TransactWrite)Items?$/.test(toHeader(headers, 'x-amz-target'))

/** A stream with the request's head: as much of an IncomingMessage as dynalite reads. */
const toMessage = ({ method, url, headers, body }: HttpRequest): Readable =>
  Object.assign(Readable.from([body]), { method, url, headers })

/**
 * dynalite on disk, or in memory where no path is given. It has no transactions, no TTL calls and no
 * item on a failed condition.
 */
export const openDynamoDb = async (path?: string): Promise<DynamoDb> => {
  const times = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }
  const server = dynalite(path === undefined ? times : { ...times, path })
  // No request comes in at this port, but a server that never listened would not close its database.
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const open = new Set<Promise<void>>()
  let waiting: (() => void)[] = []
  const tellWaiting = (): void => {
    for (const tell of waiting) tell()
    waiting = []
  }
  const settle = async (): Promise<void> => void (await Promise.all(open))
  return {
    handle: (request, response) => {
      if (response.destroyed) return
      const answered = whenAnswered(response)
      open.add(answered)
      void answered.then(() => open.delete(answered))
      if (isWrite(request)) void answered.then(tellWaiting)
      server.emit('request', toMessage(request), response)
    },
    settle,
    nextWrite: () => new Promise((resolve) => waiting.push(resolve)),
    close: async () => {
      // dynalite throws where its database closes during a request.
      await settle()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
