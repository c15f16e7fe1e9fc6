import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker, run } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import { ensureBaseImage, ensureProxyImage } from '../../local/docker/images.ts'
import { startDaemon } from '../../local/instances/daemon.ts'
import { isAlive } from '../../local/instances/namespaces.ts'
import {
  createLoneNamespace,
  listNamespaces,
  removeNamespace,
  toEnter,
} from '../../local/instances/network.ts'
import { removeMounted } from '../../local/instances/remove-mounted.ts'

/** Where one test file runs at a time: a Docker Engine, addresses and ports that no other lane has. */
export interface Lane {
  /** Put before a command to run it there; asked for each. */
  enter(): readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Follows a file's name in the report: what it ran on, where that is not of this machine. */
  readonly title: string
  /** Between two files: takes away what one that failed has left, such as a network on the addresses of the next. */
  tidy(): Promise<void>
  stop(): Promise<void>
}

export const canHaveLanes = (): boolean => process.platform === 'linux' && process.getuid?.() === 0

/** The machine itself, with the engine that answers or one that is started for it. */
export const openMachineLane = async (): Promise<Lane> => {
  const engine = await ensureEngine()
  // Others use it too: what they have there stays.
  return {
    enter: () => [],
    environment: {},
    title: '',
    tidy: async () => undefined,
    stop: engine.stop,
  }
}

/** The first is short, because a socket's path may have no more than 107 characters. */
const toDirectories = (name: string) => ({ run: join('/run', name), state: join(tmpdir(), name) })

const removeLane = async (name: string): Promise<void> => {
  await removeNamespace(name)
  const { run, state } = toDirectories(name)
  for (const path of [run, state]) await removeMounted(path)
}

/** Takes down the lanes of runs that were killed, also where that was begun and did not end. */
export const removeLeftLanes = async (): Promise<void> => {
  const isLane = /^landfall-lane-\d+-\d+$/
  const names = new Set([
    ...(await listNamespaces(isLane)),
    ...['/run', tmpdir()].flatMap((path) => readdirSync(path)).filter((name) => isLane.test(name)),
  ])
  for (const name of names) if (!isAlive(Number(name.split('-')[2]))) await removeLane(name)
}

const removeContainers = async (dockerHost: string): Promise<void> => {
  const names = (await docker(['ps', '--all', '--quiet'], { dockerHost }))
    .split('\n')
    .filter(Boolean)
  if (names.length > 0) await docker(['rm', '--force', ...names], { dockerHost })
}

/**
 * Lays the programs of another `/usr` over those of this machine, for one process and what it starts. They are there for
 * the scripts too, and HAProxy for the proxy's image. A containerd of the machine stays out of it.
 */
const overUsr = (usr: string): readonly string[] => {
  const script = [
    `mount -t overlay overlay -o ro,lowerdir="$0":/usr /usr`,
    'mkdir -p /run/containerd',
    'mount -t tmpfs tmpfs /run/containerd',
    'exec "$@"',
  ]
  return ['unshare', '--mount', 'sh', '-c', script.join(' && '), usr]
}

/** A fresh instance's engine keeps its images in containerd's store. */
const newerConfig = { features: { 'containerd-snapshotter': true } }

const renderTitle = async (enter: readonly string[], dockerHost: string): Promise<string> => {
  const format = '{{.ServerVersion}} {{.DriverStatus}}'
  const [engine, ...store] = (await docker(['info', '--format', format], { dockerHost })).split(' ')
  if (!store.join(' ').includes('io.containerd'))
    throw new Error(`the newer engine keeps its images elsewhere: ${store.join(' ')}`)
  const [, haproxy] = /version (\S+)/.exec(await run('env', [...enter, 'haproxy', '-v'])) ?? []
  return ` (Docker ${engine}, HAProxy ${haproxy})`
}

/** A test may have restarted the engine, whose process holds the mount namespace. */
const enterLane = (name: string, runDirectory: string, usr: string | null): readonly string[] => {
  if (usr === null) return toEnter(name)
  const pid = readFileSync(join(runDirectory, 'docker.pid'), 'utf8').trim()
  return [...toEnter(name), `--mount=/proc/${pid}/ns/mnt`, 'env', `--chdir=${process.cwd()}`]
}

/**
 * A network namespace that reaches nothing but itself, with an engine in it (Linux, root): that of this machine, or that
 * of another `/usr` in a mount namespace, with containerd's image store.
 */
export const openLane = async (number: number, usr: string | null = null): Promise<Lane> => {
  const name = `landfall-lane-${process.pid}-${number}`
  const { run: runDirectory, state } = toDirectories(name)
  try {
    for (const path of [runDirectory, state]) mkdirSync(path, { recursive: true })
    await createLoneNamespace(name)
    const options = usr === null ? {} : { before: overUsr(usr), config: newerConfig }
    const daemon = await startDaemon(name, runDirectory, state, options)
    const { dockerHost } = daemon
    // What all files need, before two of them make it at the same time; elsewhere each of them makes its own.
    await ensureBaseImage({ dockerHost })
    if (usr === null) await ensureProxyImage({ dockerHost })
    const enter = () => enterLane(name, runDirectory, usr)
    return {
      enter,
      environment: { DOCKER_HOST: dockerHost },
      title: usr === null ? '' : await renderTitle(enter(), dockerHost),
      tidy: async () => {
        await removeContainers(dockerHost)
        await docker(['network', 'prune', '--force'], { dockerHost })
      },
      stop: async () => {
        await removeContainers(dockerHost).catch(() => undefined)
        await daemon.stop()
        await removeLane(name)
      },
    }
  } catch (error) {
    await removeLane(name)
    throw error
  }
}
