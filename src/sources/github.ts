import { isUtf8 } from 'node:buffer'
import { verify } from '@octokit/webhooks-methods'
import { fail } from '../kernel/result.ts'
import { formType, jsonType, decodeBody } from './body.ts'
import { parseGithubEvent } from './github-event.ts'
import { acceptedSecrets, type Source } from './source.ts'

/**
 * Whether `signature` is the one of exactly these bytes under one of the secrets. The library checks
 * strings: bytes that are not UTF-8 are refused before, because decoding would turn each of them
 * into the same U+FFFD, and two bodies would share a signature. It throws on anything empty.
 */
export const isSignedByGithub = async (
  secrets: readonly string[],
  body: Uint8Array,
  signature: string,
): Promise<boolean> => {
  if (body.length === 0 || signature === '' || !isUtf8(body)) return false
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  for (const secret of secrets) {
    if (secret !== '' && (await verify(secret, text, signature))) return true
  }
  return false
}

/**
 * `X-Hub-Signature-256` over the raw body; the event's name and the delivery's id are not signed. A hook
 * made by the REST API sends a form unless told otherwise.
 */
export const githubSource: Source = {
  name: 'github',
  contentTypes: [jsonType, formType],
  verify: async (delivery, secrets, now) => {
    const signature = delivery.headers.get('x-hub-signature-256') ?? ''
    if (signature === '') return fail('signature_missing')
    if (!(await isSignedByGithub(acceptedSecrets(secrets, now), delivery.body, signature))) {
      return fail('signature_invalid')
    }
    const event = delivery.headers.get('x-github-event') ?? ''
    return parseGithubEvent(event, decodeBody(delivery))
  },
}
