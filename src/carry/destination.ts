import * as z from 'zod'
import { judgeAnswer } from '../api/answer.ts'
import type { Clock } from '../kernel/clock.ts'
import {
  isLoopback,
  type Http,
  type HttpFailure,
  type HttpRequest,
  type HttpResponse,
} from '../kernel/http.ts'
import type { Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { computeDigest, maxManifestBytes } from '../registry/registry.ts'
import { authorizeRequests, toRegistryUrl } from '../registry/session.ts'
import { carryLater, refuseCarry, type CarryFailure } from './failure.ts'
import { manifestType, type Blob } from './manifest.ts'
import type { RegistryLogin } from '../secrets/app-secret.ts'

/** One repository of the registry that an image is carried to. */
export interface ImageDestination {
  hasBlob(blob: Blob): Promise<Result<boolean, CarryFailure>>
  /** Where to send a blob to; `mounted` where the registry has taken it from the repository `from`. */
  beginUpload(digest: Digest, from: string | null): Promise<Result<URL | 'mounted', CarryFailure>>
  /** Sends a blob once: what `chunks` throws ends it, and the registry keeps nothing. */
  sendBlob(
    upload: URL,
    blob: Blob,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<Result<null, CarryFailure>>
  /** The manifest under the tag `latest`; null where there is none. */
  readLatest(): Promise<Result<Uint8Array | null, CarryFailure>>
  putLatest(manifest: string): Promise<Result<null, CarryFailure>>
}

const RegistryErrors = z.object({
  errors: z.array(z.object({ code: z.string().regex(/^[A-Z_]{1,40}$/) })).min(1),
})

/** The code of the distribution spec, such as `MANIFEST_INVALID`: nothing else of an answer is quoted. */
const readCode = ({ body }: HttpResponse): string =>
  parseJson(RegistryErrors, body)?.errors[0]?.code ?? ''

/** What was begun or sent is no longer there: sent anew, it goes through. */
const lost = /BLOB(_UPLOAD)?_UNKNOWN$/

const explainStatus = (repository: string, response: HttpResponse): string => {
  const { status } = response
  if (status === 401 || status === 403) return `the API key may not push to ${repository}`
  if (status === 404) return `it knows no ${repository}`
  return readCode(response)
}

const toReason = (status: number | null): Reason => {
  if (status === 401 || status === 403) return 'target_unauthorized'
  return status === 404 ? 'service_missing' : 'image_refused'
}

/** Where to send the blob to, with its digest: HTTPS, and this machine only where the registry is on it too. */
const toUploadUrl = (location: string | null, registry: URL, digest: Digest): URL | null => {
  if (location === null || !URL.canParse(location, registry.href)) return null
  const url = new URL(location, registry)
  const isSafe = isLoopback(registry.hostname)
    ? isLoopback(url.hostname) || url.protocol === 'https:'
    : url.protocol === 'https:' && !isLoopback(url.hostname)
  if (!isSafe) return null
  url.searchParams.set('digest', digest)
  return url
}

type SendRequest = Omit<HttpRequest, 'authorization'>
type Send = (request: SendRequest) => Promise<Result<HttpResponse, CarryFailure>>

/** Sends with the login; an answer that is no success is a failure with its reason. */
const createSend = (
  http: Http,
  registry: URL,
  repository: string,
  login: RegistryLogin,
  clock: Clock,
): Send => {
  const address = { host: registry.host, origin: registry, repository, realm: null }
  const authorized = authorizeRequests(http, address, login, 'pull,push')
  const judgeSent = ({ method }: SendRequest, answered: Result<HttpResponse, HttpFailure>) => {
    const explain = (response: HttpResponse) => explainStatus(repository, response)
    const judged = judgeAnswer(registry.host, answered, clock(), explain)
    if (judged.ok) return judged
    const { why } = judged.error
    if (judged.error.kind === 'later')
      return carryLater('target_unavailable', why, judged.error.afterSeconds)
    const response = answered.ok ? answered.value : null
    const isLost = method === 'PUT' && response !== null && lost.test(readCode(response))
    return isLost
      ? carryLater('target_unavailable', why)
      : refuseCarry(toReason(response?.status ?? null), why)
  }
  return async (request) => {
    let isSent = false
    const answered = await authorized(async (authorization) => {
      // A stream is sent once: the next attempt begins with the new authorization.
      if (isSent && request.upload !== undefined)
        return fail({ kind: 'unreachable', host: registry.host } as const)
      isSent = true
      const isOwn = request.url.origin === registry.origin
      return http({ ...request, authorization: isOwn ? authorization : null })
    })
    if (answered.ok) return judgeSent(request, answered)
    const { error } = answered
    if (!('reason' in error)) return judgeSent(request, fail(error))
    return error.reason === 'registry_unauthorized'
      ? refuseCarry('target_unauthorized', `${registry.host} refused the API key`)
      : carryLater('target_unavailable', `${registry.host} gave no token`)
  }
}

const isMissing = ({ error }: { readonly error: CarryFailure }): boolean =>
  error.reason === 'service_missing'

type ToUrl = (path: string) => URL

const createBlobs = (
  send: Send,
  toUrl: ToUrl,
  registry: URL,
): Pick<ImageDestination, 'hasBlob' | 'beginUpload' | 'sendBlob'> => ({
  hasBlob: async ({ digest, size }) => {
    const found = await send({ method: 'HEAD', url: toUrl(`blobs/${digest}`) })
    if (!found.ok) return isMissing(found) ? succeed(false) : found
    const told = found.value.headers.get('content-length')
    return told === null || told === `${size}`
      ? succeed(true)
      : refuseCarry('image_altered', `${registry.host} has another size for ${digest} than ${size}`)
  },
  beginUpload: async (digest, from) => {
    const url = toUrl('blobs/uploads/')
    if (from !== null) {
      url.searchParams.set('mount', digest)
      url.searchParams.set('from', from)
    }
    const begun = await send({ method: 'POST', url })
    if (!begun.ok) return begun
    if (begun.value.status === 201) return succeed('mounted')
    const upload = toUploadUrl(begun.value.headers.get('location'), registry, digest)
    return upload === null
      ? carryLater('target_unavailable', `${registry.host} names no usable place for an upload`)
      : succeed(upload)
  },
  sendBlob: async (url, { size }, chunks) => {
    const headers = { 'content-type': 'application/octet-stream' }
    const sent = await send({ method: 'PUT', url, headers, upload: { bytes: size, chunks } })
    return sent.ok ? succeed(null) : sent
  },
})

const createManifests = (
  send: Send,
  url: URL,
): Pick<ImageDestination, 'readLatest' | 'putLatest'> => ({
  readLatest: async () => {
    const headers = { accept: manifestType }
    const read = await send({ method: 'GET', url, headers, maxBodyBytes: maxManifestBytes })
    if (read.ok) return succeed(read.value.body)
    return isMissing(read) ? succeed(null) : read
  },
  putLatest: async (manifest) => {
    const headers = { 'content-type': manifestType }
    const put = await send({ method: 'PUT', url, headers, body: manifest })
    if (!put.ok) return put
    const told = put.value.headers.get('docker-content-digest')
    return told === null || told === computeDigest(manifest)
      ? succeed(null)
      : refuseCarry('image_refused', `${url.host} keeps another manifest than it was sent`)
  },
})

export const openDestination = (
  http: Http,
  registry: URL,
  repository: string,
  login: RegistryLogin,
  clock: Clock,
): ImageDestination => {
  const address = { host: registry.host, origin: registry, repository, realm: null }
  const toUrl = (path: string) => toRegistryUrl(address, path)
  const send = createSend(http, registry, repository, login, clock)
  return {
    ...createBlobs(send, toUrl, registry),
    ...createManifests(send, toUrl('manifests/latest')),
  }
}
