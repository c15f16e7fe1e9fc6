import { createHash } from 'node:crypto'
import type { Http, HttpResponse } from '../kernel/http.ts'
import { Digest } from '../kernel/id.ts'
import { fail, succeed } from '../kernel/result.ts'
import type { RegistryLogin } from '../secrets/app-secret.ts'
import { parseImage } from './image.ts'
import {
  checkPlatforms,
  findImageSize,
  isManifest,
  listPlatforms,
  parseManifest,
  parseOriginLabels,
  parseRevisionLabel,
  type ReadManifest,
} from './manifest.ts'
import { openSession, type AskRegistry, type RegistryAnswer } from './session.ts'

/** The distribution spec's own limit for manifests; a configuration is a few kilobytes. */
export const maxManifestBytes = 4 * 1024 * 1024

const registryUnavailable = fail({
  reason: 'registry_unavailable',
  retryAfterSeconds: null,
} as const)

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]

const acceptedTypes = [
  ...indexTypes,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** A registry answers 404 for a manifest of any other type. */
export const manifestTypes = acceptedTypes.join(', ')

const askManifest = (ask: AskRegistry, method: 'HEAD' | 'GET', reference: string) =>
  ask({
    method,
    path: `manifests/${reference}`,
    accept: manifestTypes,
    maxBodyBytes: maxManifestBytes,
  })

export const computeDigest = (body: Uint8Array | string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(body).digest('hex')}`)

/** Without parameters; null where the registry names none. */
const typeOf = ({ headers }: HttpResponse): string | null =>
  headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? null

const isManifestType = (response: HttpResponse): boolean => {
  const type = typeOf(response)
  return type === null || type === 'application/json' || acceptedTypes.includes(type)
}

/** A sign-in page or a proxy's own page also comes with 200. */
const refuseContent = (host: string, response: HttpResponse): RegistryAnswer<never> => {
  const type = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.exec(typeOf(response) ?? '')?.[0] ?? 'something'
  const message = `${host} answers with ${type}, which is no manifest of an image: is its address right, and does a sign-in page or a proxy stand before it?`
  return fail({ reason: 'registry_unavailable', retryAfterSeconds: null, message })
}

/** By HEAD; null where the registry refuses that or names no digest. */
const askDigest = async (
  ask: AskRegistry,
  reference: string,
): Promise<RegistryAnswer<Digest | null>> => {
  const head = await askManifest(ask, 'HEAD', reference)
  if (!head.ok) return head
  if (head.value === 'too_large' || head.value.status !== 200) return succeed(null)
  const named = Digest.safeParse(head.value.headers.get('docker-content-digest'))
  return succeed(named.success && isManifestType(head.value) ? named.data : null)
}

const findDigest = async (
  ask: AskRegistry,
  host: string,
  reference: string,
): Promise<RegistryAnswer<Digest>> => {
  const named = await askDigest(ask, reference)
  if (!named.ok) return named
  if (named.value !== null) return succeed(named.value)
  const manifest = await askManifest(ask, 'GET', reference)
  if (!manifest.ok) return manifest
  if (manifest.value === 'too_large') return registryUnavailable
  const { body } = manifest.value
  return isManifestType(manifest.value) && isManifest(body)
    ? succeed(computeDigest(body))
    : refuseContent(host, manifest.value)
}

/** The content under a digest; null if it is too large to be a manifest or configuration. */
const readBounded = async (
  ask: AskRegistry,
  kind: 'manifest' | 'configuration',
  digest: Digest,
): Promise<RegistryAnswer<Uint8Array | null>> => {
  const answered =
    kind === 'manifest'
      ? await askManifest(ask, 'GET', digest)
      : await ask({
          method: 'GET',
          path: `blobs/${digest}`,
          accept: '*/*',
          maxBodyBytes: maxManifestBytes,
        })
  if (!answered.ok) return answered
  if (answered.value === 'too_large') return succeed(null)
  // Another host often serves the blobs, so the content is checked against its digest.
  const { body } = answered.value
  return computeDigest(body) === digest ? succeed(body) : registryUnavailable
}

/** The configuration of an image, which has its labels; null if it is no image. */
const readConfiguration = async (
  ask: AskRegistry,
  digest: Digest,
): Promise<RegistryAnswer<Uint8Array | null>> => {
  let manifest = digest
  // An index and its platform's manifest: a third manifest would be no image.
  for (let depth = 0; depth < 2; depth += 1) {
    const body = await readBounded(ask, 'manifest', manifest)
    if (!body.ok) return body
    const next = body.value === null ? null : parseManifest(body.value)
    if (next === null) return succeed(null)
    if (next.kind === 'configuration') return readBounded(ask, 'configuration', next.digest)
    manifest = next.digest
  }
  return succeed(null)
}

/** By HEAD; true also where the registry does not say. */
const mayBeIndex = async (ask: AskRegistry, digest: Digest): Promise<boolean> => {
  const head = await askManifest(ask, 'HEAD', digest)
  if (!head.ok) return false
  const type = head.value === 'too_large' ? null : typeOf(head.value)
  return type === null || indexTypes.includes(type) || !acceptedTypes.includes(type)
}

/** A registry that answers HEAD for what it does not want to name is asked once more: nothing is gone by mistake. */
const isManifestGone = async (ask: AskRegistry, digest: Digest): Promise<boolean> => {
  for (const method of ['HEAD', 'GET'] as const) {
    const answered = await askManifest(ask, method, digest)
    if (answered.ok || answered.error.reason !== 'image_missing') return false
  }
  return true
}

/** What its labels say, parsed from the configuration. */
const readLabelled = async <Value>(
  ask: AskRegistry,
  digest: Digest,
  parse: (configuration: Uint8Array) => Value | null,
): Promise<RegistryAnswer<Value | null>> => {
  const read = await readConfiguration(ask, digest)
  return read.ok ? succeed(read.value && parse(read.value)) : read
}

/** One image of any OCI registry, Docker Hub by default, with or without a login. */
export const openImage = (
  http: Http,
  image: string,
  login: RegistryLogin | null,
  registryRealm: string | null = null,
) => {
  const address = parseImage(image, registryRealm)
  const ask = openSession(http, address, login)
  const readManifest: ReadManifest = (digest) => readBounded(ask, 'manifest', digest)
  return {
    /**
     * The digest under a tag (or a digest, if it is still there) now. By HEAD, which no pull quota
     * counts; by GET only from a registry that refuses that or names no digest.
     */
    findDigest: (tag: string) => findDigest(ask, address.host, tag),
    /**
     * The commit in the label `org.opencontainers.image.revision`; null if the image has none or it
     * is no full commit. By GET, which Docker Hub counts as a pull.
     */
    findCommit: (digest: Digest) => readLabelled(ask, digest, parseRevisionLabel),
    /** What the labels say of the commit, by the same requests. */
    findOrigin: (digest: Digest) => readLabelled(ask, digest, parseOriginLabels),
    findSize: (digest: Digest, machine: string | null) =>
      findImageSize(readManifest, digest, machine),
    /** Which images an index names, and which of them are gone. One GET, and only of an index. */
    checkPlatforms: async (digest: Digest) =>
      (await mayBeIndex(ask, digest))
        ? checkPlatforms(readManifest, (one) => isManifestGone(ask, one), digest)
        : [],
    listPlatforms: (digest: Digest) => listPlatforms(readManifest, digest),
  }
}
