import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { toEnter } from '../../local/instances/network.ts'

export interface Client {
  /** Resolves when it has what it is to hold. */
  held(): Promise<void>
  stop(): void
  /** What it saw, unchecked. */
  readonly result: Promise<unknown>
}

/** Starts `client.ts` in the network of the clients; ready when this resolves. */
export const startClient = async (
  clients: string,
  kind: 'posts' | 'events' | 'hold' | 'switch',
  url: string,
  amount: string,
): Promise<Client> => {
  const [execPath = '', ...enter] = toEnter(clients)
  const child = fork(join(import.meta.dirname, 'client.ts'), [kind, url, amount], {
    execPath,
    execArgv: [...enter, process.execPath],
  })
  await once(child, 'message')
  const next = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', () => reject(new Error(`the client for ${kind} ended without a result`)))
    })
  const first = next()
  const readResult = async (): Promise<unknown> => {
    const message = await first
    return kind === 'hold' || kind === 'switch' ? next() : message
  }
  return {
    held: async () => void (await first),
    stop: () => void child.send('stop'),
    result: readResult(),
  }
}
