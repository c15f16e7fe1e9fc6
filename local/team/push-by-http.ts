import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

const toDigest = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const send = async (
  url: URL,
  method: string,
  body?: Uint8Array<ArrayBuffer>,
  type = 'application/octet-stream',
): Promise<Response> => {
  const headers = { 'content-type': type }
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) })
  if (!response.ok) throw new Error(`${method} ${url.pathname}: ${response.status}`)
  return response
}

const pushBlob = async (repository: URL, blob: Uint8Array<ArrayBuffer>): Promise<void> => {
  const begun = await send(new URL('blobs/uploads/', repository), 'POST')
  const upload = new URL(begun.headers.get('location') ?? '', repository)
  upload.searchParams.set('digest', toDigest(blob))
  await send(upload, 'PUT', blob)
}

const describe = (mediaType: string, blob: Uint8Array) => ({
  mediaType,
  digest: toDigest(blob),
  size: blob.length,
})

/** An archive without a file: two empty blocks (POSIX ustar). */
const emptyArchive = new Uint8Array(1024)

/**
 * Pushes an image without an engine, for places that only take its name: no file is in it, and its
 * variables and labels tell it from others. Its digest.
 */
export const pushByHttp = async (
  { name, tag }: { readonly name: string; readonly tag: string },
  variables: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): Promise<string> => {
  const [host = '', ...path] = name.split('/')
  const repository = new URL(`http://${host}/v2/${path.join('/')}/`)
  const layer = new Uint8Array(gzipSync(emptyArchive))
  const Env = Object.entries(variables).map(([key, value]) => `${key}=${value}`)
  const config = new TextEncoder().encode(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Env, Labels: labels },
      rootfs: { type: 'layers', diff_ids: [toDigest(emptyArchive)] },
    }),
  )
  for (const blob of [layer, config]) await pushBlob(repository, blob)
  const type = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: describe('application/vnd.oci.image.config.v1+json', config),
      layers: [describe('application/vnd.oci.image.layer.v1.tar+gzip', layer)],
    }),
  )
  await send(new URL(`manifests/${tag}`, repository), 'PUT', manifest, type)
  return toDigest(manifest)
}
