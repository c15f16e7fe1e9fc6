import { timingSafeEqual } from 'node:crypto'
import { Sha256 } from '@smithy/core/checksum'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Credentials, KeyPair, Principal } from './credentials.ts'
import { toHeader, type HttpRequest } from './http.ts'

export type Caller =
  | { readonly kind: 'known'; readonly principal: Principal }
  | {
      readonly kind: 'refused'
      readonly because: 'no_key' | 'unknown_key' | 'wrong_signature'
    }

const authorization =
  /^AWS4-HMAC-SHA256 Credential=(?<id>\w+)\/\d{8}\/(?<region>[\w-]+)\/(?<service>[\w-]+)\/aws4_request, ?SignedHeaders=(?<names>[\w;-]+), ?Signature=(?<signature>[0-9a-f]{64})$/

interface Signed {
  readonly id: string
  readonly region: string
  readonly service: string
  readonly names: ReadonlySet<string>
  readonly signature: string
}

const parseAuthorization = (request: HttpRequest): Signed | null => {
  const groups = authorization.exec(toHeader(request.headers, 'authorization'))?.groups
  if (groups === undefined) return null
  const { id = '', region = '', service = '', names = '', signature = '' } = groups
  return { id, region, service, names: new Set(names.split(';')), signature }
}

/** `20261130T090000Z` */
const parseDate = (text: string): Date | null => {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  return iso === text || Number.isNaN(Date.parse(iso)) ? null : new Date(iso)
}

const bodyHash = 'x-amz-content-sha256'

/** The `authorization` that the holder of the key would have sent with this request; empty without a date. */
const sign = async (request: HttpRequest, signed: Signed, key: KeyPair): Promise<string> => {
  const signingDate = parseDate(toHeader(request.headers, 'x-amz-date'))
  if (signingDate === null) return ''
  const { region, service, names } = signed
  const headers = Object.keys(request.headers)
    // What the caller says of the body is not believed: it is reckoned anew.
    .filter((name) => names.has(name) && name !== bodyHash)
    .map((name): [string, string] => [name, toHeader(request.headers, name)])
  const url = new URL(request.url, 'http://localhost')
  const signer = new SignatureV4({
    credentials: key,
    region,
    service,
    sha256: Sha256,
    applyChecksum: names.has(bodyHash),
  })
  const again = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: 'localhost',
      path: url.pathname,
      query: Object.fromEntries(
        [...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)]),
      ),
      headers: Object.fromEntries(headers),
      body: request.body,
    },
    { signingDate, signableHeaders: new Set(names) },
  )
  return again.headers['authorization'] ?? ''
}

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

/** Whose key has signed this request (Signature Version 4), if one that was issued has. */
export const authenticate = async (
  credentials: Credentials,
  request: HttpRequest,
): Promise<Caller> => {
  const signed = parseAuthorization(request)
  if (signed === null) return { kind: 'refused', because: 'no_key' }
  const found = credentials.find(signed.id)
  if (found === null) return { kind: 'refused', because: 'unknown_key' }
  const expected = await sign(request, signed, found.key)
  const [, signature = ''] = expected.split('Signature=')
  return isSame(signature, signed.signature)
    ? { kind: 'known', principal: found.principal }
    : { kind: 'refused', because: 'wrong_signature' }
}
