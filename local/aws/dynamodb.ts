import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import dynalite from 'dynalite'

export interface DynamoDb {
  /** Handed the untouched request: dynalite reads the body itself. */
  readonly handle: RequestListener
  close(): Promise<void>
}

/** dynalite on disk. It has no transactions, no TTL calls and no item on a failed condition. */
export const openDynamoDb = async (path: string): Promise<DynamoDb> => {
  const server = dynalite({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  // Nobody calls at this port, but a server that never listened would not close its database.
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    handle: (request, response) => server.emit('request', request, response),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
