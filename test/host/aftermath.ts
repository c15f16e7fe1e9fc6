import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { waitFor } from '../support/wait.ts'
import { ask } from './load.ts'
import type { Scene } from './scene.ts'

const lines = (text: string): readonly string[] => text.split('\n').filter(Boolean)

export const filesBelow = (root: string): readonly string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()

const processesOf = (root: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(root)
        return isOurs ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')] : []
      } catch {
        return []
      }
    })

/**
 * What is wrong on the machine now that the next command has ended; empty where all is right. What a run
 * killed in `prune` left of releases that were live is the next deployment's to prune: `isPruned` is false.
 */
export const findWrong = async (
  scene: Scene,
  lived: ReadonlySet<number>,
  isPruned: boolean,
): Promise<readonly string[]> => {
  const { app, instance, live, strategy } = scene
  const wrong: string[] = []
  const expectSame = (what: string, is: unknown, should: unknown): void => {
    const [left, right] = [JSON.stringify(is), JSON.stringify(should)]
    if (left !== right) wrong.push(`${what}: ${left}, not ${right}`)
  }
  if (strategy !== 'worker')
    expectSame('answers', await ask(instance.port).catch(String), live.version.text)
  expectSame('running', await scene.containers(), [scene.nameOf(live.generation)])
  const kept = (await scene.containers('--all'))
    .map((name) => Number(name.split('.').at(-1)))
    .sort((a, b) => a - b)
  expectSame(
    'kept without having been live',
    kept.filter((one) => !lived.has(one)),
    [],
  )
  const root = join(instance.root, app)
  const unpruned = readdirSync(`${root}/releases`).filter(
    (one) => !isPruned && !kept.includes(Number(one)) && lived.has(Number(one)),
  )
  const isUnpruned = (path: string): boolean =>
    unpruned.some((one) => path.includes(`releases/${one}/`))
  const listing = ['images', '--digests', '--format', '{{.Digest}}']
  const images = lines(await docker([...listing, live.version.image]))
  const labels = [
    '--filter',
    `label=landfall.app=${app}`,
    '--format',
    '{{.Label "landfall.digest"}}',
  ]
  const needed = lines(await docker(['ps', '--all', ...labels]))
  wrong.push(
    ...scene.versions
      .filter(() => unpruned.length === 0)
      .filter(({ digest }) => images.includes(digest) && !needed.includes(digest))
      .map(({ text }) => `the image ${text} is left`),
  )
  const predeploys = ['ps', '--all', '--quiet', '--filter', `label=landfall.predeploy=${app}`]
  expectSame('predeploy containers', lines(await docker(predeploys)), [])
  const releases = kept.flatMap((one) => [`releases/${one}/env`, `releases/${one}/settings`])
  const state = ['fence', 'fence.lock', 'format', 'instance', 'live', 'lock', 'owner', 'result']
  const files = filesBelow(root).filter((path) => !isUnpruned(path))
  expectSame('state', files, [...state, ...releases].sort())
  expectSame(
    'directories',
    [readdirSync(`${root}/scratch`), readdirSync(`${root}/releases`).sort()],
    [[], [...kept.map(String), ...unpruned].sort()],
  )
  expectSame(
    'host state',
    filesBelow(join(instance.root, 'instance')).filter((path) => /tmp|next|scratch/.test(path)),
    [],
  )
  const secret = execFileSync(
    'sh',
    ['-c', `grep -rl planted . "${scene.temporary}" | sort; true`],
    { cwd: root, encoding: 'utf8' },
  )
  const found = lines(secret).filter((path) => !isUnpruned(path))
  expectSame('secrets', found, kept.map((one) => `./releases/${one}/env`).sort())
  for (const one of kept) {
    const path = join(root, 'releases', String(one), 'env')
    expectSame('mode', statSync(path).mode & 0o777, 0o600)
    expectSame('whole', readFileSync(path, 'utf8').includes(`${scene.secretOf(one)}\n`), true)
  }
  expectSame('temporary files', filesBelow(scene.temporary), [])
  // A program that was asked something when the run was killed ends by itself.
  const left = (): readonly string[] => processesOf(instance.root)
  await waitFor('all programs have ended', () => left().length === 0, 30).catch(() => undefined)
  expectSame('processes', left(), [])
  const locks = [`${app}/lock`, `${app}/fence.lock`, 'instance/proxy.lock']
  const isHeld = 'for lock; do flock --nonblock "$lock" true || echo "$lock"; done'
  const held = execFileSync('sh', ['-c', isHeld, 'sh', ...locks], {
    cwd: instance.root,
    encoding: 'utf8',
  })
  expectSame('locks held', lines(held), [])
  return wrong
}
