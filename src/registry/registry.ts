import { createHash } from 'node:crypto'
import type { Http } from '../kernel/http.ts'
import { Digest, type Commit } from '../kernel/id.ts'
import { fail, succeed } from '../kernel/result.ts'
import { parseImage } from './image.ts'
import { parseManifest, parseRevisionLabel } from './label.ts'
import {
  openSession,
  type RegistryAnswer,
  type AskRegistry,
  type RegistryLogin,
} from './session.ts'

/** A registry answers for the manifest it has only if its type is accepted; 404 otherwise. */
export const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** The distribution spec's own limit for manifests; a configuration is a few kilobytes. */
export const maxManifestBytes = 4 * 1024 * 1024

const registryUnavailable = fail({
  reason: 'registry_unavailable',
  retryAfterSeconds: null,
} as const)

const askManifest = (ask: AskRegistry, method: 'HEAD' | 'GET', reference: string) =>
  ask({
    method,
    path: `manifests/${reference}`,
    accept: manifestTypes,
    maxBodyBytes: maxManifestBytes,
  })

export const computeDigest = (body: Uint8Array | string): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(body).digest('hex')}`)

const findDigest = async (ask: AskRegistry, tag: string): Promise<RegistryAnswer<Digest>> => {
  const head = await askManifest(ask, 'HEAD', tag)
  if (!head.ok) return head
  if (head.value === 'too_large') return registryUnavailable
  const named = Digest.safeParse(head.value.headers.get('docker-content-digest'))
  if (named.success) return succeed(named.data)
  const manifest = await askManifest(ask, 'GET', tag)
  if (!manifest.ok) return manifest
  return manifest.value === 'too_large'
    ? registryUnavailable
    : succeed(computeDigest(manifest.value.body))
}

/** What lies under a digest; null where it is larger than any image has it. */
const readBounded = async (
  ask: AskRegistry,
  kind: 'manifests' | 'blobs',
  digest: Digest,
): Promise<RegistryAnswer<Uint8Array | null>> => {
  const answered =
    kind === 'manifests'
      ? await askManifest(ask, 'GET', digest)
      : await ask({
          method: 'GET',
          path: `blobs/${digest}`,
          accept: '*/*',
          maxBodyBytes: maxManifestBytes,
        })
  if (!answered.ok) return answered
  if (answered.value === 'too_large') return succeed(null)
  // Where blobs lie is often somebody else's: what came must be what was asked for.
  const { body } = answered.value
  return computeDigest(body) === digest ? succeed(body) : registryUnavailable
}

/** An index, its platform's manifest, the configuration: one more would be no image. */
const findCommit = async (
  ask: AskRegistry,
  digest: Digest,
): Promise<RegistryAnswer<Commit | null>> => {
  let manifest = digest
  for (let depth = 0; depth < 2; depth += 1) {
    const body = await readBounded(ask, 'manifests', manifest)
    if (!body.ok) return body
    const next = body.value === null ? null : parseManifest(body.value)
    if (next === null) return succeed(null)
    if (next.kind === 'configuration') {
      const configuration = await readBounded(ask, 'blobs', next.digest)
      if (!configuration.ok) return configuration
      const { value } = configuration
      return succeed(value === null ? null : parseRevisionLabel(value))
    }
    manifest = next.digest
  }
  return succeed(null)
}

export interface Registry {
  /**
   * The digest under a tag (or a digest, if it is still there) now. By HEAD, which no pull quota
   * counts; by GET only from a registry that names no digest. Any OCI registry, Docker Hub by default,
   * with or without a login.
   */
  findDigest(
    image: string,
    tag: string,
    login: RegistryLogin | null,
  ): Promise<RegistryAnswer<Digest>>
  /**
   * The commit in the label `org.opencontainers.image.revision`; null where the image has none or it
   * is no full commit. By GET, which Docker Hub counts as a pull.
   */
  findCommit(
    image: string,
    digest: Digest,
    login: RegistryLogin | null,
  ): Promise<RegistryAnswer<Commit | null>>
  /** The manifest under a digest; null where it is larger than any has it. By GET, as above. */
  readManifest(
    image: string,
    digest: Digest,
    login: RegistryLogin | null,
  ): Promise<RegistryAnswer<Uint8Array | null>>
}

export const createRegistry = (http: Http): Registry => ({
  findDigest: (image, tag, login) => findDigest(openSession(http, parseImage(image), login), tag),
  findCommit: (image, digest, login) =>
    findCommit(openSession(http, parseImage(image), login), digest),
  readManifest: (image, digest, login) =>
    readBounded(openSession(http, parseImage(image), login), 'manifests', digest),
})
