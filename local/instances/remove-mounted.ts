import { readFileSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { run } from '../docker/docker.ts'

/** /proc/mounts writes a space, a tab, a newline and a backslash as octal numbers. */
const unescape = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )

/** What is mounted at or below the directory, the deepest first. */
const listMounts = (directory: string): readonly string[] =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => unescape(line.split(' ')[1] ?? ''))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .toReversed()

const readNetworkOf = (pid: string): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return null // It has ended meanwhile.
  }
}

/** True where its root directory is one of the engine's, also in a mount namespace of the engine's own. */
const hasRootIn = (pid: string, directory: string): boolean => {
  try {
    const mounts = readFileSync(`/proc/${pid}/mounts`, 'utf8').split('\n')
    return mounts.some((line) => line.split(' ')[1] === '/' && line.includes(`=${directory}/`))
  } catch {
    return false // It has ended meanwhile.
  }
}

/** Containers whose engine was killed run on; each has its network or its root below the engine's directory. */
const killContainers = (mounts: readonly string[], directory: string): void => {
  const networks = new Set(mounts.map((path) => `net:[${statSync(path).ino}]`))
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const network = readNetworkOf(pid)
    if (!networks.has(network ?? '') && !hasRootIn(pid, directory)) continue
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Removes the directory of a Docker Engine that was killed, and what the engine left mounted in it. */
export const removeMounted = async (directory: string): Promise<void> => {
  if (process.platform === 'linux') {
    const mounts = listMounts(directory)
    killContainers(
      mounts.filter((path) => path.includes('/netns/')),
      directory,
    )
    for (const path of mounts) await run('umount', ['--lazy', path])
  }
  rmSync(directory, { recursive: true, force: true })
}
