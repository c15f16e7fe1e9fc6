import { mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
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
  /** Put before a command to run it there. */
  readonly enter: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Between two files: takes away what one that failed has left, such as a network on the addresses of the next. */
  tidy(): Promise<void>
  stop(): Promise<void>
}

export const canHaveLanes = (): boolean => process.platform === 'linux' && process.getuid?.() === 0

/** The machine itself, with the engine that answers or one that is started for it. */
export const openMachineLane = async (): Promise<Lane> => {
  const engine = await ensureEngine()
  // Others use it too: what they have there stays.
  return { enter: [], environment: {}, tidy: async () => undefined, stop: engine.stop }
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

/** A network namespace that reaches nothing but itself, with an engine in it (Linux, root). */
export const openLane = async (number: number): Promise<Lane> => {
  const name = `landfall-lane-${process.pid}-${number}`
  const { run, state } = toDirectories(name)
  try {
    for (const path of [run, state]) mkdirSync(path, { recursive: true })
    await createLoneNamespace(name)
    const daemon = await startDaemon(name, run, state)
    const { dockerHost } = daemon
    // What all files need, before two of them make it at the same time.
    await ensureBaseImage({ dockerHost })
    await ensureProxyImage({ dockerHost })
    return {
      enter: toEnter(name),
      environment: { DOCKER_HOST: dockerHost },
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
