import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import * as z from 'zod'

const layerBytes = 4 * 1024 * 1024
const manifestType = 'application/vnd.docker.distribution.manifest.v2+json'

const Blob = z.object({ mediaType: z.string(), size: z.number(), digest: z.string() })
const Manifest = z.looseObject({ config: Blob, layers: z.array(Blob) })
const Config = z.looseObject({
  config: z.looseObject({ Env: z.array(z.string()) }),
  rootfs: z.looseObject({ diff_ids: z.array(z.string()) }),
  history: z.array(z.unknown()).optional(),
})

export interface ReleaseOrder {
  /** `localhost:5000` */
  readonly registry: string
  /** `acme/bench`, in which `base` is a tag. */
  readonly repository: string
  readonly base: string
  readonly tag: string
  /** What the app answers. */
  readonly version: string
}

const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A tar of one file of random bytes, which no compression makes smaller. */
const toTar = (name: string, bytes: Buffer): Buffer => {
  const header = Buffer.alloc(512)
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`
  header.write(name, 0)
  header.write(octal(0o644, 8) + octal(0, 8) + octal(0, 8), 100)
  header.write(octal(bytes.length, 12) + octal(0, 12), 124)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, bytes, Buffer.alloc(((512 - (bytes.length % 512)) % 512) + 1024)])
}

const checked = async (response: Response): Promise<Response> => {
  if (!response.ok) throw new Error(`the registry answered ${response.status} to ${response.url}`)
  return response
}

const upload = async (root: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> => {
  const digest = digestOf(bytes)
  const begun = await checked(await fetch(`${root}/blobs/uploads/`, { method: 'POST' }))
  const url = new URL(begun.headers.get('location') ?? '', root)
  url.searchParams.set('digest', digest)
  await checked(await fetch(url, { method: 'PUT', body: bytes }))
  return digest
}

/**
 * A release as CI would push it, made in the registry itself: the base image with one more layer that
 * this machine's engine has never seen, so that whoever pulls it has something to pull.
 */
export const pushRelease = async (order: ReleaseOrder): Promise<void> => {
  const { registry, repository, base, tag, version } = order
  const root = `http://${registry}/v2/${repository}`
  const accept = { headers: { accept: manifestType } }
  const readJson = async (path: string): Promise<unknown> =>
    (await checked(await fetch(`${root}/${path}`, accept))).json()
  const manifest = Manifest.parse(await readJson(`manifests/${base}`))
  const config = Config.parse(await readJson(`blobs/${manifest.config.digest}`))

  const tar = toTar('payload', randomBytes(layerBytes))
  const layer = gzipSync(tar, { level: 1 })
  const variables = config.config.Env.filter((one) => !one.startsWith('VERSION='))
  const newConfig = Buffer.from(
    JSON.stringify({
      ...config,
      config: { ...config.config, Env: [...variables, `VERSION=${version}`] },
      rootfs: { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, digestOf(tar)] },
      // An image of the demo app has none, and one entry for several layers would be refused.
      history: config.history && [...config.history, { created_by: 'bench' }],
    }),
  )
  const layerDigest = await upload(root, layer)
  const configDigest = await upload(root, newConfig)
  const newManifest = {
    ...manifest,
    config: { ...manifest.config, size: newConfig.length, digest: configDigest },
    layers: [
      ...manifest.layers,
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: layer.length,
        digest: layerDigest,
      },
    ],
  }
  const headers = { 'content-type': manifestType }
  const body = JSON.stringify(newManifest)
  await checked(await fetch(`${root}/manifests/${tag}`, { method: 'PUT', headers, body }))
}
