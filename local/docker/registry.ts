import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { run } from './docker.ts'
import { freePort } from './free-port.ts'
import { ensurePrograms, findProgram, programs } from './packages.ts'
import { spawnBound } from './spawn-bound.ts'

export interface RegistryOptions {
  /** 0 takes a free one. */
  readonly port: number
  /** Holds the images, the configuration and the log. */
  readonly directory: string
  readonly credentials?: { readonly username: string; readonly password: string }
  /** A token service instead, as Docker Hub has one. */
  readonly token?: {
    readonly realm: string
    readonly service: string
    readonly issuer: string
    /** A file of PEM certificates whose keys sign tokens. */
    readonly rootcertbundle: string
  }
}

export interface Registry {
  /** `localhost:5000`: the first part of an image's name. */
  readonly address: string
  readonly stop: () => Promise<void>
}

/** htpasswd's bcrypt, by the system's crypt(3), which perl (essential on Debian) reaches. */
const hashPassword = async (password: string): Promise<string> => {
  const salt = `$2y$05$${randomBytes(16).toString('hex').slice(0, 21)}u`
  const script = 'my $p = do { local $/; <STDIN> }; print crypt($p, $ARGV[0])'
  return run(findProgram('perl') ?? 'perl', ['-e', script, salt], { input: password })
}

const writeConfiguration = async (options: RegistryOptions, port: number): Promise<string> => {
  const { directory, credentials, token } = options
  const passwords = join(directory, 'htpasswd')
  if (credentials !== undefined) {
    const line = `${credentials.username}:${await hashPassword(credentials.password)}\n`
    writeFileSync(passwords, line, { mode: 0o600 })
  }
  const htpasswd = credentials && { realm: 'landfall', path: passwords }
  const configuration = {
    version: 0.1,
    log: { level: 'warn' },
    storage: {
      filesystem: { rootdirectory: join(directory, 'images') },
      delete: { enabled: true },
    },
    http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString('hex') },
    ...(token !== undefined && { auth: { token } }),
    ...(htpasswd !== undefined && { auth: { htpasswd } }),
  }
  const path = join(directory, 'registry.yml')
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(configuration, null, 2), { mode: 0o600 })
  return path
}

const waitUntilReady = async (url: string, hasEnded: () => boolean, log: string): Promise<void> => {
  const until = Date.now() + 15_000
  while (Date.now() < until && !hasEnded()) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => null,
    )
    if (status === 200 || status === 401) return
    await sleep(50)
  }
  throw new Error(`the registry did not start, see ${log}`)
}

/** Debian's `docker-registry` on loopback; images stay in `directory` when it stops. */
export const startRegistry = async (options: RegistryOptions): Promise<Registry> => {
  await ensurePrograms([programs.registry, programs.perl])
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const port = options.port === 0 ? await freePort() : options.port
  const configuration = await writeConfiguration({ ...options, directory }, port)
  const log = join(directory, 'registry.log')
  const output = openSync(log, 'a')
  const child = spawnBound(findProgram('docker-registry') ?? '', ['serve', configuration], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  const ended = once(child, 'exit')
  const kill = (): void => void child.kill()
  process.once('exit', kill)
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill)
    kill()
    await ended
  }
  const hasEnded = (): boolean => child.exitCode !== null
  // A port that another registry holds would answer too: give ours the time to fail first.
  await sleep(100)
  await waitUntilReady(`http://127.0.0.1:${port}/v2/`, hasEnded, log).catch(async (error) => {
    await stop()
    throw error
  })
  return { address: `localhost:${port}`, stop }
}
