import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import { docker, imageLabel, run, type RunOptions } from './docker.ts'
import { createEmptyLayer, keepLayer, toLayer } from './layers.ts'
import { ensurePrograms, findProgram, programs } from './packages.ts'
import { pushImage, toConfiguration, type Credentials, type Layer } from './registry-push.ts'

export const baseImage = 'landfall-base:local'
export const proxyImage = 'landfall-haproxy:local'

const app = join(import.meta.dirname, 'app', 'app.mts')
/** Without its types: a Node that strips them takes half as long again to start. */
const writeApp = (file: string): void => {
  const { code } = transformSync(readFileSync(app, 'utf8'), { loader: 'ts', format: 'esm' })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, code)
}
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

/** A program and the libraries that it needs, into what becomes an image's root. */
export const copyProgram = async (root: string, from: string, to: string): Promise<void> => {
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

const toFingerprint = (parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\n')).digest('hex')

/** Builds once per content of `dockerfile` and `version`; later calls cost one `inspect`. */
const ensureImage = async (
  image: string,
  version: string,
  dockerfile: readonly string[],
  prepare: Build,
  options?: RunOptions,
): Promise<void> => {
  const fingerprint = toFingerprint([version, ...dockerfile, ...tools])
  if ((await imageLabel(image, fingerprintLabel, options)) === fingerprint) return
  await build(image, [...dockerfile, `LABEL ${fingerprintLabel}=${fingerprint}`], prepare, options)
}

const layerCache = join(import.meta.dirname, '../../.landfall/layers')

/** The Node that runs this, its libraries and a `sh`, packed once for all registries and engines. */
const keepBaseLayer = async (): Promise<Layer> => {
  if (process.platform !== 'linux') throw new Error('the demo image can be built on Linux only')
  await ensurePrograms([programs.busybox])
  const fingerprint = toFingerprint([process.version, process.arch, ...tools])
  return keepLayer(join(layerCache, fingerprint), async (root) => {
    await fill(root)
    await copyProgram(root, process.execPath, '/bin/node')
  })
}
let baseLayer: Promise<Layer> | null = null
const readBaseLayer = (): Promise<Layer> => (baseLayer ??= keepBaseLayer())

/** `landfall-base:local`, of the base layer alone. Nothing is pulled. */
export const ensureBaseImage = async (options?: RunOptions): Promise<string> => {
  const layer = await readBaseLayer()
  if ((await imageLabel(baseImage, fingerprintLabel, options)) === layer.diffId) return baseImage
  const directory = mkdtempSync(join(tmpdir(), 'landfall-image-'))
  const config = { Env: ['PATH=/bin'], Labels: { [fingerprintLabel]: layer.diffId } }
  try {
    writeFileSync(join(directory, 'layer.tar'), layer.bytes)
    writeFileSync(join(directory, 'config.json'), JSON.stringify(toConfiguration([layer], config)))
    const image = { Config: 'config.json', RepoTags: [baseImage], Layers: ['layer.tar'] }
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify([image]))
    await run('tar', [
      '-C',
      directory,
      '-cf',
      join(directory, 'image.tar'),
      'manifest.json',
      'config.json',
      'layer.tar',
    ])
    await docker(['load', '--quiet', '--input', join(directory, 'image.tar')], options)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
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
  /** Of a published image; without it, there is none. */
  readonly entrypoint?: readonly string[]
}

const quote = (text: string): string => JSON.stringify(text).replaceAll('$', String.raw`\$`)

/** The demo app as an image; its layers on top of the base are a few kilobytes. */
export const buildAppImage = async (wanted: AppImage, options?: RunOptions): Promise<string> => {
  const { name, tag, behaviour, labels = {} } = wanted
  await ensureBaseImage(options)
  const settings = Object.entries({ PORT: '8000', ...behaviour })
  const dockerfile = [
    `FROM ${baseImage}`,
    'COPY app.mjs /app/app.mjs',
    ...settings.map(([key, value]) => `ENV ${key}=${quote(value)}`),
    ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${quote(value)}`),
    'CMD ["node", "/app/app.mjs"]',
  ]
  const image = `${name}:${tag}`
  await build(image, dockerfile, (directory) => writeApp(join(directory, 'app.mjs')), options)
  return image
}

let appLayer: Layer | null = null
const readAppLayer = (): Layer => {
  if (appLayer !== null) return appLayer
  const directory = mkdtempSync(join(tmpdir(), 'landfall-app-'))
  try {
    writeApp(join(directory, 'app/app.mjs'))
    appLayer = toLayer(directory)
    return appLayer
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const toVariables = (variables: Readonly<Record<string, string>>): string[] =>
  Object.entries(variables).map(([name, value]) => `${name}=${value}`)

/** The demo app in the registry, as CI brings it there: no engine knows it yet. Answers its digest. */
export const publishAppImage = async (
  { name, tag, behaviour, labels = {}, entrypoint = [] }: AppImage,
  credentials: Credentials | null = null,
): Promise<string> => {
  const Env = toVariables({ PATH: '/bin', PORT: '8000', ...behaviour })
  const config = { Env, Labels: labels, Entrypoint: entrypoint, Cmd: ['node', '/app/app.mjs'] }
  return pushImage(
    { name, tag, layers: [await readBaseLayer(), readAppLayer()], config },
    credentials,
  )
}

/** An image without a file, for places that only take its name; its settings tell it from others. */
export const publishEmptyImage = ({
  name,
  tag,
  behaviour,
  labels = {},
}: AppImage): Promise<string> =>
  pushImage({
    name,
    tag,
    layers: [createEmptyLayer()],
    config: { Env: toVariables({ ...behaviour }), Labels: labels },
  })
