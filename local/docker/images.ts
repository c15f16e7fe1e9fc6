import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { docker, imageLabel, run, type RunOptions } from './docker.ts'
import { ensurePrograms, findProgram, programs } from './packages.ts'

export const baseImage = 'landfall-base:local'
export const proxyImage = 'landfall-haproxy:local'

const app = join(import.meta.dirname, 'app', 'app.mts')
const fingerprintLabel = 'landfall.fingerprint'
const tools = ['sh', 'cat', 'cp', 'rm', 'env', 'echo', 'ls', 'ps', 'sleep', 'true', 'false', 'wget']

/** How the demo app behaves; each is a variable of its image that `docker run -e` may override. */
export interface Behaviour {
  /** The text answered at `/`. */
  readonly VERSION: string
  /** Default 8000. */
  readonly PORT?: string
  /** Default `/healthz`. */
  readonly HEALTH_PATH?: string
  /** Comma-separated; a request for another Host is answered 400. Default: all. */
  readonly ALLOWED_HOSTS?: string
  /**
   * What is wrong with this release. `prints_environment` crashes after printing its settings;
   * `answers_500` is healthy, and answers everybody else `<VERSION> is broken` with 500.
   */
  readonly FAULT?: 'exits' | 'never_healthy' | 'wrong_port' | 'prints_environment' | 'answers_500'
  readonly START_DELAY_SECONDS?: string
  /** Set: it starts to listen once it is sent SIGUSR2; a request to `/held` is answered then too. */
  readonly START_HELD?: '1'
  /** Default 5, as Node's. */
  readonly KEEP_ALIVE_SECONDS?: string
  /** A directory: the app holds an exclusive lock on a database in it, so that two copies fail. */
  readonly DATA?: string
}

/** The shared libraries that a program is linked to, loader included; none for a static one. */
const librariesOf = async (program: string): Promise<readonly string[]> => {
  const listing = await run('ldd', [program]).catch(() => '')
  return [...listing.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? [])
}

const copyInto = (root: string, from: string, to: string): void => {
  mkdirSync(dirname(join(root, to)), { recursive: true })
  copyFileSync(from, join(root, to))
}

const copyProgram = async (root: string, from: string, to: string): Promise<void> => {
  copyInto(root, from, to)
  for (const library of await librariesOf(from)) copyInto(root, library, library)
}

const fill = async (root: string): Promise<void> => {
  const accounts = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'
  for (const directory of ['etc', 'root', 'tmp', 'data']) mkdirSync(join(root, directory))
  chmodSync(join(root, 'tmp'), 0o1777)
  writeFileSync(join(root, 'etc/passwd'), accounts)
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
  await copyProgram(root, findProgram('busybox') ?? '', '/bin/busybox')
  for (const tool of tools) symlinkSync('busybox', join(root, 'bin', tool))
}

type Build = (directory: string) => Promise<void> | void

/** Builds from a directory that `prepare` fills and that is gone afterwards. */
const build = async (
  image: string,
  dockerfile: readonly string[],
  prepare: Build,
  options?: RunOptions,
): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-image-'))
  try {
    await prepare(directory)
    writeFileSync(join(directory, 'Dockerfile'), `${dockerfile.join('\n')}\n`)
    await docker(['build', '--quiet', '--tag', image, directory], options)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Builds once per content of `dockerfile` and `version`; later calls cost one `inspect`. */
const ensureImage = async (
  image: string,
  version: string,
  dockerfile: readonly string[],
  prepare: Build,
  options?: RunOptions,
): Promise<void> => {
  const text = [version, ...dockerfile, ...tools].join('\n')
  const fingerprint = createHash('sha256').update(text).digest('hex')
  if ((await imageLabel(image, fingerprintLabel, options)) === fingerprint) return
  await build(image, [...dockerfile, `LABEL ${fingerprintLabel}=${fingerprint}`], prepare, options)
}

/** `landfall-base:local`: the Node that runs this, its libraries and a `sh`. Nothing is pulled. */
export const ensureBaseImage = async (options?: RunOptions): Promise<string> => {
  if (process.platform !== 'linux') throw new Error('the demo image can be built on Linux only')
  await ensurePrograms([programs.busybox])
  const dockerfile = ['FROM scratch', 'COPY root /', 'ENV PATH=/bin']
  const prepare: Build = async (directory) => {
    const root = join(directory, 'root')
    mkdirSync(root)
    await fill(root)
    await copyProgram(root, process.execPath, '/bin/node')
  }
  await ensureImage(baseImage, `${process.version} ${process.arch}`, dockerfile, prepare, options)
  return baseImage
}

/** `landfall-haproxy:local` from Debian's package, for where the official image cannot be pulled. */
export const ensureProxyImage = async (options?: RunOptions): Promise<string> => {
  await ensurePrograms([programs.busybox, programs.haproxy])
  const haproxy = findProgram('haproxy') ?? ''
  const dockerfile = [
    'FROM scratch',
    'COPY root /',
    'ENV PATH=/bin',
    'STOPSIGNAL SIGUSR1',
    'ENTRYPOINT ["haproxy"]',
  ]
  const prepare: Build = async (directory) => {
    const root = join(directory, 'root')
    mkdirSync(root)
    await fill(root)
    await copyProgram(root, haproxy, '/bin/haproxy')
  }
  await ensureImage(proxyImage, await run(haproxy, ['-v']), dockerfile, prepare, options)
  return proxyImage
}

export interface AppImage {
  /** With its registry: `localhost:5000/acme/shop`. */
  readonly name: string
  readonly tag: string
  readonly behaviour: Behaviour
  readonly labels?: Readonly<Record<string, string>>
}

const quote = (text: string): string => JSON.stringify(text).replaceAll('$', String.raw`\$`)

/** The demo app as an image; its layers on top of the base are a few kilobytes. */
export const buildAppImage = async (wanted: AppImage, options?: RunOptions): Promise<string> => {
  const { name, tag, behaviour, labels = {} } = wanted
  await ensureBaseImage(options)
  const settings = Object.entries({ PORT: '8000', ...behaviour })
  const dockerfile = [
    `FROM ${baseImage}`,
    'COPY app.mts /app/app.mts',
    ...settings.map(([key, value]) => `ENV ${key}=${quote(value)}`),
    ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${quote(value)}`),
    'CMD ["node", "/app/app.mts"]',
  ]
  const image = `${name}:${tag}`
  await build(
    image,
    dockerfile,
    (directory) => copyFileSync(app, join(directory, 'app.mts')),
    options,
  )
  return image
}

/** Pushes and answers the digest under which the registry has it. */
export const push = async (image: string, options?: RunOptions): Promise<string> => {
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await docker(['push', image], options))?.[1]
  if (digest === undefined) throw new Error(`docker push ${image} named no digest`)
  return digest
}
