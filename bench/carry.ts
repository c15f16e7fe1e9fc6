import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { pushOciImage } from '../local/docker/registry-push-oci.ts'
import { toDigest, type Layer } from '../local/docker/registry-push.ts'
import { startRegistry } from '../local/docker/registry.ts'
import { startRegistryFront, type RegistryFront } from '../local/heroku/registry-front.ts'
import { AppName, Digest } from '../src/kernel/id.ts'
import { CarryProgress, type CarryOrder } from '../src/targets/carry.ts'
import type { Figure } from './report.ts'

const layerBytes = 40 * 1024 * 1024
const layerCount = 3
const imageBytes = layerBytes * layerCount
const apiKey = 'HRKU-bench-0000-0000-0000'
/** Above what Node and the modules take; two layers are on their way at once. */
const memoryBarBytes = 160 * 1024 * 1024
/** On loopback, with a registry that hashes too: 120 MB at the pace of a slow disk. */
const secondsBar = 20

const Ran = z.object({
  progress: CarryProgress,
  milliseconds: z.number(),
  peak: z.number(),
  before: z.number(),
})

const startCarrier = (front: RegistryFront, order: CarryOrder): ChildProcess => {
  const carrier = new URL('carrier.ts', import.meta.url)
  return fork(carrier, [front.url.href, apiKey, JSON.stringify(order)], { stdio: 'inherit' })
}

const runCarrier = async (front: RegistryFront, order: CarryOrder) => {
  const child = startCarrier(front, order)
  const messages: unknown[] = []
  child.on('message', (message) => messages.push(message))
  await once(child, 'exit')
  return Ran.parse(messages[0])
}

/** The layers that the front has received whole, by their digests, once for each time. */
const finishedLayers = ({ requests }: RegistryFront, layers: readonly Layer[]): string[] =>
  requests.flatMap(({ method, path, status }) => {
    const digest = new URL(path, 'http://front').searchParams.get('digest') ?? ''
    const isLayer = layers.some((layer) => layer.digest === digest)
    return method === 'PUT' && status === 201 && isLayer ? [digest] : []
  })

const sentBytes = ({ requests }: RegistryFront): number =>
  requests.reduce((sum, { bytes }) => sum + bytes, 0)

const toMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** Kills a run when one layer is there and another one on its way, and begins another run. */
const killAndBeginAgain = async (
  front: RegistryFront,
  order: CarryOrder,
  layers: readonly Layer[],
): Promise<Figure> => {
  const child = startCarrier(front, order)
  const isOnItsWay = (): boolean =>
    finishedLayers(front, layers).length > 0 &&
    front.requests.some(
      ({ method, bytes, status }) => method === 'PUT' && status === null && bytes > 0,
    )
  while (!isOnItsWay() && child.exitCode === null) await sleep(1)
  if (child.exitCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const before = finishedLayers(front, layers)
  const { progress } = await runCarrier(front, order)
  const all = finishedLayers(front, layers)
  const twice = all.length - new Set(all).size
  return {
    what: 'killed in the middle, begun again',
    measured: `${progress.status}; ${before.length} of ${layers.length} layers were there, ${twice} sent twice, ${toMegabytes(progress.sentBytes)} by the second run`,
    bar: 'no finished layer twice',
    isKept:
      progress.status === 'carried' &&
      before.length > 0 &&
      before.length < layers.length &&
      all.length === layers.length &&
      twice === 0 &&
      progress.sentBytes <= (layers.length - before.length) * layerBytes,
    isClaim: true,
  }
}

const createLayers = (): readonly Layer[] =>
  Array.from({ length: layerCount }, () => {
    const bytes = new Uint8Array(randomBytes(layerBytes))
    const digest = toDigest(bytes)
    return { bytes, digest, diffId: digest }
  })

const carryTwice = async (front: RegistryFront, order: CarryOrder): Promise<readonly Figure[]> => {
  const first = await runCarrier(front, order)
  const moved = sentBytes(front)
  const second = await runCarrier(front, order)
  const again = sentBytes(front) - moved
  const blobs = `${first.progress.blobsThere} of ${first.progress.blobs} blobs`
  return [
    {
      what: `an image of ${toMegabytes(imageBytes)} and its release image`,
      measured: `${first.progress.status}, ${blobs}, ${toMegabytes(moved)} sent`,
      bar: 'each layer once',
      isKept: first.progress.status === 'carried' && first.progress.sentBytes === imageBytes,
      isClaim: true,
    },
    {
      what: 'time of the first run',
      measured: `${(first.milliseconds / 1000).toFixed(2)} s`,
      bar: `< ${secondsBar} s`,
      isKept: first.milliseconds < secondsBar * 1000,
    },
    {
      what: 'peak memory of the first run',
      measured: `${toMegabytes(first.peak)}, ${toMegabytes(first.peak - first.before)} above what Node and the code take`,
      bar: `< ${toMegabytes(memoryBarBytes)} above`,
      isKept: first.peak - first.before < memoryBarBytes,
      isClaim: true,
    },
    {
      what: 'second run',
      measured: `${second.progress.status}, ${again} bytes sent, ${(second.milliseconds / 1000).toFixed(2)} s`,
      bar: '0 bytes',
      isKept: second.progress.status === 'carried' && again === 0,
      isClaim: true,
    },
  ]
}

/** An image between two real registries, the second as Heroku's. */
export const measureCarry = async (directory: string): Promise<readonly Figure[]> => {
  const source = await startRegistry({ port: 0, directory: join(directory, 'carry-source') })
  const target = await startRegistry({ port: 0, directory: join(directory, 'carry-target') })
  const front = await startRegistryFront({
    registry: target.address,
    isToken: (token) => token === apiKey,
  })
  const orderFor = async (heroku: string, layers: readonly Layer[]): Promise<CarryOrder> => {
    const image = `${source.address}/acme/${heroku}`
    const config = { Cmd: ['gunicorn'], Entrypoint: ['/entry'] }
    const digest = Digest.parse(await pushOciImage({ name: image, tag: 'v1', layers, config }))
    const release: CarryOrder['release'] = ['python', 'manage.py', 'migrate', '--noinput']
    const app = AppName.parse('bench')
    const token = 'landfall/heroku'
    return {
      app,
      image,
      digest,
      registry: null,
      registryRealm: null,
      heroku,
      process: 'web',
      token,
      release,
    }
  }
  try {
    const figures = await carryTwice(front, await orderFor('whole', createLayers()))
    const layers = createLayers()
    const killed = await killAndBeginAgain(front, await orderFor('killed', layers), layers)
    return [...figures, killed]
  } finally {
    await front.stop()
    await target.stop()
    await source.stop()
  }
}
