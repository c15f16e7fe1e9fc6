import { isUtf8 } from 'node:buffer'
import { verify } from '@octokit/webhooks-methods'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { parseGithubEvent } from './github-event.ts'
import { acceptedSecrets, type Delivery, type Source } from './source.ts'

const formEncoded = 'application/x-www-form-urlencoded'

/**
 * Whether `signature` is the one of exactly these bytes under one of the secrets. The library checks
 * strings: bytes that are not UTF-8 are refused before, because decoding would turn each of them
 * into the same U+FFFD, and two bodies would share a signature. It throws on anything empty.
 */
export const isSignedBy = async (
  secrets: readonly string[],
  body: Uint8Array,
  signature: string,
): Promise<boolean> => {
  if (body.length === 0 || signature === '' || !isUtf8(body)) return false
  const text = decode(body)
  for (const secret of secrets) {
    if (secret !== '' && (await verify(secret, text, signature))) return true
  }
  return false
}

/** `X-Hub-Signature-256` over the raw body; the event's name and the delivery's id are not signed. */
export const github: Source = {
  name: 'github',
  contentTypes: ['application/json', formEncoded],
  verify: async (delivery, secrets, now) => {
    const signature = delivery.headers.get('x-hub-signature-256') ?? ''
    if (signature === '') return fail('signature_missing')
    if (!(await isSignedBy(acceptedSecrets(secrets, now), delivery.body, signature))) {
      return fail('signature_invalid')
    }
    const event = delivery.headers.get('x-github-event') ?? ''
    const json = readJson(delivery)
    return json.ok ? parseGithubEvent(event, json.value) : json
  },
}

const decode = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** A hook made by the REST API is form-encoded unless told otherwise: the JSON is in `payload`. */
const readJson = (delivery: Delivery): Result<unknown, 'malformed'> => {
  const text = decode(delivery.body)
  const json =
    delivery.contentType === formEncoded ? new URLSearchParams(text).get('payload') : text
  try {
    return json === null ? fail('malformed') : succeed<unknown>(JSON.parse(json))
  } catch {
    return fail('malformed')
  }
}
