import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { run } from '../../local/docker/docker.ts'
import { findProgram } from '../../local/docker/packages.ts'

/** The Debian whose engine and HAProxy are near those of a fresh instance, which are of no Debian. */
const suite = 'forky'
const packages = ['docker.io', 'docker-cli', 'haproxy', 'iptables']

const cache = join(import.meta.dirname, '../../.landfall/newer')

/** The mirror that apt on this machine uses for Debian itself, not for its security updates. */
const findMirror = async (): Promise<string> => {
  const order = ['indextargets', '--format', '$(RELEASE) $(SITE)', 'Created-By: Packages']
  const [, own] = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
  const lines = (await run('apt-get', order)).split('\n').map((line) => line.split(' '))
  const site = lines.find(([release]) => release === own)?.[1]
  if (site === undefined) throw new Error('apt has no mirror of Debian')
  return site
}

/** Options with which apt knows the suite alone, and nothing of what is installed here. */
const writeSources = async (directory: string): Promise<readonly string[]> => {
  const sources = join(directory, 'sources.list')
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(directory, path), { recursive: true })
  writeFileSync(sources, `deb ${await findMirror()} ${suite} main\n`)
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(directory, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '0',
    'Acquire::http::Timeout': '20',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

const unpack = async (directory: string, usr: string): Promise<void> => {
  const options = await writeSources(directory)
  const aptGet = (...order: readonly string[]): Promise<string> =>
    run('apt-get', [...options, '-q', '-y', ...order])
  await aptGet('update', '--error-on=any')
  await aptGet('install', '--download-only', '--no-install-recommends', ...packages)
  const archives = join(directory, 'cache/archives')
  const root = join(directory, 'root')
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb')))
    await run('dpkg-deb', ['--extract', join(archives, name), root])
  // What they say of themselves is of no use to a test.
  rmSync(join(root, 'usr/share'), { recursive: true })
  renameSync(join(root, 'usr'), usr)
}

/**
 * A `/usr` with the engine and the HAProxy of a newer Debian and all that they need, fetched and unpacked once: never
 * installed. Null, after a line that says so, where it cannot be had.
 */
export const fetchNewerUsr = async (): Promise<string | null> => {
  const usr = join(cache, suite)
  if (existsSync(usr)) return usr
  mkdirSync(cache, { recursive: true })
  const directory = mkdtempSync(join(cache, 'fetching-'))
  try {
    if (findProgram('dpkg-deb') === null) throw new Error('this is not Debian')
    await unpack(directory, usr)
    return usr
  } catch (error) {
    const reason = String(error).trim().split('\n').at(-1) ?? ''
    process.stdout.write(`skipped: the newer engine and HAProxy, of Debian ${suite} (${reason})\n`)
    return null
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
