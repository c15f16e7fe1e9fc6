import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { Http, HttpResponse } from '../kernel/http.ts'
import { Digest } from '../kernel/id.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { isTrustedRealm, parseChallenge, type Challenge } from './challenge.ts'
import { parseImage, type ImageAddress } from './image.ts'

export interface RegistryLogin {
  readonly username: string
  readonly password: Redacted
}

export interface RegistryFailure {
  readonly reason: 'image_missing' | 'registry_unauthorized' | 'registry_unavailable'
  /** From Retry-After; null where the registry did not say. */
  readonly retryAfterSeconds: number | null
}

type Answer<Value> = Result<Value, RegistryFailure>

/** A registry answers for the manifest it has only if its type is accepted; 404 otherwise. */
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** The distribution spec's own limit for manifests. */
const maxManifestBytes = 4 * 1024 * 1024

const Token = z
  .union([
    z.object({ token: z.string().min(1) }).transform(({ token }) => token),
    z.object({ access_token: z.string().min(1) }).transform((body) => body.access_token),
  ])
  .transform((token) => new Redacted(`Bearer ${token}`))

const refuse = (reason: RegistryFailure['reason'], response?: HttpResponse) => {
  const seconds = /^\d{1,6}$/.exec(response?.headers.get('retry-after') ?? '')?.[0]
  return fail({ reason, retryAfterSeconds: seconds === undefined ? null : Number(seconds) })
}

const judge = (response: HttpResponse): Answer<HttpResponse> => {
  const { status } = response
  if (status === 200) return succeed(response)
  if (status === 404) return refuse('image_missing')
  if (status === 401 || status === 403) return refuse('registry_unauthorized')
  return refuse('registry_unavailable', response)
}

const toBasic = ({ username, password }: RegistryLogin): Redacted => {
  const pair = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
  return new Redacted(`Basic ${pair}`)
}

const parseToken = (body: Uint8Array): Answer<Redacted> => {
  try {
    const token = Token.safeParse(JSON.parse(new TextDecoder().decode(body)))
    return token.success ? succeed(token.data) : refuse('registry_unavailable')
  } catch {
    return refuse('registry_unavailable')
  }
}

const fetchToken = async (
  http: Http,
  challenge: Challenge & { kind: 'bearer' },
  { origin, repository }: ImageAddress,
  login: RegistryLogin | null,
): Promise<Answer<Redacted>> => {
  const url = new URL(challenge.realm)
  if (login !== null && !isTrustedRealm(url, origin)) return refuse('registry_unauthorized')
  if (challenge.service !== null) url.searchParams.set('service', challenge.service)
  url.searchParams.set('scope', challenge.scope ?? `repository:${repository}:pull`)
  const authorization = login === null ? null : toBasic(login)
  const answered = await http({ method: 'GET', url, authorization })
  if (!answered.ok) return refuse('registry_unavailable')
  const judged = judge(answered.value)
  if (judged.ok) return parseToken(judged.value.body)
  // A token service has no images: whatever it misses is not the image.
  return judged.error.reason === 'image_missing' ? refuse('registry_unavailable') : judged
}

/** What the registry's challenge is answered with; null where there is nothing to answer with. */
const authorize = async (
  http: Http,
  response: HttpResponse,
  address: ImageAddress,
  login: RegistryLogin | null,
): Promise<Answer<Redacted>> => {
  const challenge = parseChallenge(response.headers.get('www-authenticate') ?? '')
  if (challenge?.kind === 'bearer') return fetchToken(http, challenge, address, login)
  if (challenge?.kind === 'basic' && login !== null) return succeed(toBasic(login))
  return refuse('registry_unauthorized')
}

/** Asks for a manifest, answering one challenge. */
const askManifest = async (
  http: Http,
  method: 'HEAD' | 'GET',
  address: ImageAddress,
  tag: string,
  login: RegistryLogin | null,
): Promise<Answer<HttpResponse>> => {
  const path = `/v2/${address.repository}/manifests/${encodeURIComponent(tag)}`
  const url = new URL(path, address.origin)
  const request = { method, url, headers: { accept }, maxBodyBytes: maxManifestBytes }
  const first = await http(request)
  if (!first.ok) return refuse('registry_unavailable')
  if (first.value.status !== 401) return judge(first.value)
  const authorization = await authorize(http, first.value, address, login)
  if (!authorization.ok) return authorization
  const second = await http({ ...request, authorization: authorization.value })
  return second.ok ? judge(second.value) : refuse('registry_unavailable')
}

export interface Registry {
  /**
   * The digest under a tag now. By HEAD, which no pull quota counts; by GET only from a registry that
   * names no digest. Any OCI registry, Docker Hub by default, with or without a login.
   */
  findDigest(image: string, tag: string, login: RegistryLogin | null): Promise<Answer<Digest>>
}

export const createRegistry = (http: Http): Registry => ({
  findDigest: async (image, tag, login) => {
    const address = parseImage(image)
    const head = await askManifest(http, 'HEAD', address, tag, login)
    if (!head.ok) return head
    const named = Digest.safeParse(head.value.headers.get('docker-content-digest'))
    if (named.success) return succeed(named.data)
    const manifest = await askManifest(http, 'GET', address, tag, login)
    if (!manifest.ok) return manifest
    const hash = createHash('sha256').update(manifest.value.body).digest('hex')
    return succeed(Digest.parse(`sha256:${hash}`))
  },
})
