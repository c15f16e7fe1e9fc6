import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError, forPerson } from '../base/listen.ts'
import { ensurePrograms, programs } from '../docker/packages.ts'
import { startDaemon } from './daemon.ts'
import { openSocket } from './forward.ts'
import type { Instance } from '../aws/index.ts'
import {
  createBridge,
  createNamespace,
  removeNetwork,
  toAddress,
  toEnter,
  toNamespace,
} from './network.ts'
import { removeMounted } from './remove-mounted.ts'

export interface NamespaceOptions {
  /** 1 … 9 */
  readonly count: number
  readonly directory: string
  /** The registry on this machine's loopback, reached under the same name inside. */
  readonly registryPort: number | null
  readonly say: (line: string) => void
}

export interface Namespaces {
  readonly instances: readonly Instance[]
  stop(): Promise<void>
}

/** Short, because a socket's path may have no more than 107 characters. */
const runDirectory = '/run/landfall'
const ownerFile = join(runDirectory, 'owner')

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const refuse = (): void => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new StartError('--instances needs Linux and root.')
  if (!existsSync(ownerFile)) return
  const pid = Number(readFileSync(ownerFile, 'utf8'))
  if (isAlive(pid))
    throw new StartError(
      `The process ${pid} has local instances already; there is one set of them.`,
    )
}

/** An engine that a killed stack left running; the pid file names it, /proc proves it. */
const killLeftOver = async (number: number): Promise<void> => {
  const pidFile = join(runDirectory, String(number), 'docker.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8'))
  const commandLine = `/proc/${pid}/cmdline`
  if (!existsSync(commandLine) || !readFileSync(commandLine, 'utf8').includes(pidFile)) return
  process.kill(pid, 'SIGTERM')
  for (let tries = 0; tries < 300 && isAlive(pid); tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
}

const cleanUp = async (): Promise<void> => {
  for (let number = 1; number <= 9; number += 1) await killLeftOver(number)
  await removeNetwork()
  await removeMounted(runDirectory)
}

const startForwarder = async (number: number, port: number): Promise<() => void> => {
  const script = join(import.meta.dirname, 'forward-inside.ts')
  const socket = join(runDirectory, 'registry.sock')
  const order = [...toEnter(toNamespace(number)), process.execPath, script, String(port), socket]
  const [program, ...rest] = order
  const child = spawn(program ?? 'nsenter', rest, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new StartError('The registry could not be reached from inside an instance.')
    }),
  ])
  return () => child.kill()
}

const startInstance = async (number: number, options: NamespaceOptions) => {
  const id = `i-0000000${number}`
  await createNamespace(number)
  const namespace = toNamespace(number)
  const directory = join(options.directory, id)
  const daemon = await startDaemon(namespace, join(runDirectory, String(number)), directory)
  const { registryPort: port } = options
  const stopForwarder = port === null ? () => undefined : await startForwarder(number, port)
  const instance: Instance = {
    id,
    name: `demo-${number}`,
    address: toAddress(number),
    tags: [],
    stateRoot: join(directory, 'state'),
    network: null,
    dockerHost: daemon.dockerHost,
    enter: toEnter(namespace),
  }
  return {
    instance,
    stop: async () => {
      stopForwarder()
      await daemon.stop()
    },
  }
}

/**
 * Instances of their own: each a network namespace at 10.77.0.1N with its Docker Engine and its
 * state. They are stopped whole; images, containers and state stay for the next start.
 */
export const startNamespaces = async (options: NamespaceOptions): Promise<Namespaces> => {
  refuse()
  await forPerson(ensurePrograms([programs.ip, programs.dockerd, programs.iptables], options.say))
  await cleanUp()
  mkdirSync(runDirectory, { recursive: true })
  writeFileSync(ownerFile, String(process.pid))
  const { registryPort: port, count } = options
  const socket = port === null ? null : openSocket(join(runDirectory, 'registry.sock'), port)
  const started: { readonly instance: Instance; stop(): Promise<void> }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()))
    socket?.close()
    await cleanUp()
  }
  try {
    await createBridge()
    for (let number = 1; number <= count; number += 1) {
      options.say(`starting instance ${number} of ${count}`)
      started.push(await startInstance(number, options))
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { instances: started.map(({ instance }) => instance), stop }
}
