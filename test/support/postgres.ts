import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '../../local/docker/free-port.ts'

/** PostgreSQL refuses root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

export interface Postgres {
  /** As `DATABASE_URL` takes it. */
  readonly url: string
  start(): Promise<void>
  stop(): Promise<void>
  /** Stops it and removes its data. */
  close(): Promise<void>
}

/** A server of Debian's PostgreSQL on loopback; null where it is not installed. */
export const createPostgres = async (): Promise<Postgres | null> => {
  const server = globSync('/usr/lib/postgresql/*/bin/postgres').toSorted().at(-1)
  if (server === undefined) return null
  const directory = mkdtempSync(join(tmpdir(), 'landfall-postgres-'))
  if (nobody.uid !== undefined) chownSync(directory, nobody.uid, nobody.gid)
  const data = join(directory, 'data')
  const options = { ...nobody, cwd: directory, stdio: 'ignore' } as const
  const create = [`--pgdata=${data}`, '--username=ada', '--auth=trust', '--no-sync']
  const creation = spawn(join(dirname(server), 'initdb'), create, options)
  await once(creation, 'exit')
  if (creation.exitCode !== 0) throw new Error('initdb failed')
  const port = await freePort()
  let stop = async (): Promise<void> => undefined
  return {
    url: `postgres://ada@127.0.0.1:${port}/postgres`,
    start: async () => {
      const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
      const order = ['-D', data, '-p', String(port), ...settings.flatMap((one) => ['-c', one])]
      const child = spawn(server, order, options)
      stop = async () => {
        stop = async () => undefined
        // "Immediate" ends connections that are open too.
        child.kill('SIGQUIT')
        await once(child, 'exit')
      }
    },
    stop: () => stop(),
    close: async () => {
      await stop()
      rmSync(directory, { recursive: true })
    },
  }
}
