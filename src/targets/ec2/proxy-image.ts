import type { FoundProxyImage, ProxyImage, ProxyImages } from '../../deployment/proxy.ts'
import { toInstant, type Clock } from '../../kernel/clock.ts'
import { Digest } from '../../kernel/id.ts'
import type { Log } from '../../kernel/log.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import { parseReference } from '../../registry/image.ts'

export interface ProxyImagePorts {
  readonly proxyImages: Pick<ProxyImages, 'load'>
  /** The stage's setting: `docker.io/library/haproxy:3.2`. */
  readonly setting: string
  readonly findDigest: (
    image: { readonly image: string; readonly registry: null; readonly registryRealm: null },
    tag: string,
  ) => Promise<Result<Digest, { readonly reason: string }>>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

/** As a host is ordered to pull and run it: never by a tag, which may name another image tomorrow. */
export const toProxyReference = ({ image, digest }: ProxyImage): string => `${image}@${digest}`

/** Settings and room in a command do not depend on the digest, only on its length. */
export const longestReference = (setting: string): string =>
  `${parseReference(setting).image}@sha256:${'f'.repeat(64)}`

/** The image that a tag or a digest names now. */
export const resolveProxyImage = async (
  { findDigest, clock, log }: Omit<ProxyImagePorts, 'proxyImages' | 'setting'>,
  reference: string,
): Promise<FoundProxyImage> => {
  const { image, tag } = parseReference(reference)
  const named = Digest.safeParse(tag)
  const found = named.success
    ? succeed(named.data)
    : await findDigest({ image, registry: null, registryRealm: null }, tag)
  if (found.ok) return succeed({ image, tag, digest: found.value, at: toInstant(clock()) })
  const { reason } = found.error
  log.warn('proxy image not found', { image: reference, reason })
  return fail('proxy_image_unavailable')
}

/** The recorded image, or the one that the setting names now. */
export const createFindProxyImage =
  (ports: ProxyImagePorts) => async (): Promise<FoundProxyImage> => {
    const recorded = await ports.proxyImages.load()
    return recorded === null ? resolveProxyImage(ports, ports.setting) : succeed(recorded)
  }

/** The same, recorded by the first command that needs it. */
export const createFixProxyImage =
  ({ proxyImages, ...ports }: ProxyImagePorts & { readonly proxyImages: ProxyImages }) =>
  async (): Promise<FoundProxyImage> => {
    const recorded = await proxyImages.load()
    if (recorded !== null) return succeed(recorded)
    const found = await resolveProxyImage(ports, ports.setting)
    return found.ok ? succeed(await proxyImages.recordFirst(found.value)) : found
  }
