import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './docker.ts'

/** A program of the local stack, the Debian package that brings it and the service that one starts. */
export interface Program {
  readonly name: string
  readonly package: string
  readonly service?: string
  /** Where the package puts it, if it is no program, or if another of its name may be on the PATH. */
  readonly path?: string
}

export const programs = {
  docker: { name: 'docker', package: 'docker.io' },
  dockerd: { name: 'dockerd', package: 'docker.io' },
  iptables: { name: 'iptables', package: 'iptables' },
  ip: { name: 'ip', package: 'iproute2' },
  openssl: { name: 'openssl', package: 'openssl' },
  busybox: { name: 'busybox', package: 'busybox-static' },
  perl: { name: 'perl', package: 'perl-base' },
  registry: { name: 'docker-registry', package: 'docker-registry', service: 'docker-registry' },
  haproxy: { name: 'haproxy', package: 'haproxy', service: 'haproxy' },
  /** For the tests alone. */
  aws: { name: 'aws', package: 'awscli' },
  shellcheck: { name: 'shellcheck', package: 'shellcheck' },
  python: { name: 'python3', package: 'python3' },
} as const satisfies Record<string, Program>

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where a program lies: PATH, then the places that an ordinary user's PATH lacks. */
export const findProgram = (name: string): string | null => {
  const directories = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = [...directories, '/usr/sbin', '/sbin', '/bin'].map((path) => join(path, name))
  return candidates.find(isExecutable) ?? null
}

const isMissing = ({ name, path }: Program): boolean =>
  path === undefined ? findProgram(name) === null : !existsSync(path)

export type Say = (line: string) => void

export const print: Say = (line) => void process.stdout.write(`${line}\n`)

export const canInstall = (): boolean =>
  process.platform === 'linux' && process.getuid?.() === 0 && findProgram('apt-get') !== null

const aptGet = (args: readonly string[]): Promise<string> =>
  run('env', ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-y', '-q', ...args])

const install = async (packages: readonly string[]): Promise<void> => {
  // On Debian 13 docker.io only recommends its own command line.
  const order = ['install', '--install-recommends', ...packages]
  // A fresh machine has no package lists yet.
  await aptGet(order).catch(() => aptGet(['update']).then(() => aptGet(order)))
}

/** Debian starts what it installs; the local stack runs its own copy on its own port. */
const stopService = async (service: string): Promise<void> => {
  if (!existsSync('/run/systemd/system')) return
  await run('systemctl', ['disable', '--now', service])
}

/** Installs what is missing (root on Debian, saying so) or fails with the one line that helps. */
export const ensurePrograms = async (
  wanted: readonly Program[],
  say: Say = print,
): Promise<void> => {
  const missing = wanted.filter(isMissing)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((program) => program.package))]
  const names = missing.map((program) => program.name).join(', ')
  if (!canInstall())
    throw new Error(`missing: ${names} (on Debian: apt-get install ${packages.join(' ')})`)
  say(`installing ${packages.join(', ')} (for ${names})`)
  await install(packages)
  for (const { service } of missing) if (service !== undefined) await stopService(service)
}
