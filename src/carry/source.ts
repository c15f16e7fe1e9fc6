import type { Http, HttpFailure, HttpStream, OpenHttp } from '../kernel/http.ts'
import type { Digest } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { parseImage, type ImageAddress } from '../registry/image.ts'
import { computeDigest, manifestTypes, maxManifestBytes } from '../registry/registry.ts'
import {
  authorizeRequests,
  explainRefusal,
  judgeResponse,
  openSession,
  toRegistryUrl,
  type AskRegistry,
  type RegistryAnswer,
  type RegistryFailure,
} from '../registry/session.ts'
import { carryLater, refuseCarry, type CarryFailure } from './failure.ts'
import type { Blob } from './manifest.ts'
import type { RegistryLogin } from '../secrets/app-secret.ts'
import type { CarryOrder } from '../targets/carry.ts'

/** The registry that an image is carried from. What is read whole is what its digest says. */
export interface ImageSource {
  /** `size` is null where nothing tells it. */
  readManifest(digest: Digest, size: number | null): Promise<Result<Uint8Array, CarryFailure>>
  readConfiguration(blob: Blob): Promise<Result<Uint8Array, CarryFailure>>
  /** Of the size that it should have, its content unchecked; the caller closes it. */
  openLayer(blob: Blob): Promise<Result<HttpStream, CarryFailure>>
}

const toSourceAnswer = (
  opened: Result<HttpStream, HttpFailure | RegistryFailure>,
): RegistryAnswer<HttpStream> => {
  if (opened.ok) return judgeResponse(opened.value)
  const { error } = opened
  return fail(
    'reason' in error ? error : { reason: 'registry_unavailable', retryAfterSeconds: null },
  )
}

type Explain = (failure: RegistryFailure) => { readonly ok: false; readonly error: CarryFailure }

const createExplain =
  ({ host, repository }: ImageAddress, login: RegistryLogin | null): Explain =>
  ({ reason, retryAfterSeconds, message }) => {
    switch (reason) {
      case 'image_missing':
        return refuseCarry('image_gone', message ?? `${host}/${repository} no longer has the image`)
      case 'registry_unauthorized':
        return refuseCarry(
          reason,
          message ??
            (login === null
              ? `${host} requires a login for ${repository}: set registry in landfall.yml`
              : `${host} refuses this login for ${repository}`),
        )
      case 'registry_unavailable':
        return carryLater(reason, message ?? `${host} did not answer`, retryAfterSeconds)
    }
  }

const createReadWhole =
  (ask: AskRegistry, host: string, explain: Explain) =>
  async (
    kind: 'manifests' | 'blobs',
    digest: Digest,
    size: number | null,
  ): Promise<Result<Uint8Array, CarryFailure>> => {
    const answered = await ask({
      method: 'GET',
      path: `${kind}/${digest}`,
      accept: kind === 'manifests' ? manifestTypes : '*/*',
      maxBodyBytes: maxManifestBytes,
    })
    if (!answered.ok) return explain(answered.error)
    if (answered.value === 'too_large')
      return refuseCarry('image_invalid', `${host} has more under ${digest} than any image needs`)
    const { body } = answered.value
    return computeDigest(body) === digest && (size ?? body.length) === body.length
      ? succeed(body)
      : refuseCarry('image_altered', `${host} sent something else for ${digest}`)
  }

export const openImageSource = (
  http: Http,
  openHttp: OpenHttp,
  { image, registryRealm }: Pick<CarryOrder, 'image' | 'registryRealm'>,
  login: RegistryLogin | null,
): ImageSource => {
  const address = parseImage(image, registryRealm)
  const authorized = authorizeRequests(http, address, login)
  const explain = createExplain(address, login)
  const ask = openSession(http, address, login, authorized)
  const readWhole = createReadWhole(ask, address.host, explain)
  const openBlob = (digest: Digest) =>
    authorized(async (authorization) => {
      const stream = await openHttp({
        method: 'GET',
        url: toRegistryUrl(address, `blobs/${digest}`),
        // A registry may pack it once more for the way, where it is not asked for the blob as it is.
        headers: { accept: '*/*', 'accept-encoding': 'identity' },
        authorization,
      })
      if (stream.ok && stream.value.status !== 200) stream.value.close()
      return stream
    })
  return {
    readManifest: (digest, size) => readWhole('manifests', digest, size),
    readConfiguration: ({ digest, size }) => readWhole('blobs', digest, size),
    openLayer: async ({ digest, size }) => {
      const opened = toSourceAnswer(await openBlob(digest))
      if (!opened.ok) return explain(explainRefusal(address, `blobs/${digest}`, opened.error))
      const told = opened.value.headers.get('content-length')
      if (told === null || told === `${size}`) return opened
      opened.value.close()
      return refuseCarry(
        'image_altered',
        `${address.host} has another size for ${digest} than ${size}`,
      )
    },
  }
}
