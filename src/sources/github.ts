import { isUtf8 } from 'node:buffer'
import { verify } from '@octokit/webhooks-methods'
import { fail } from '../kernel/result.ts'
import { formType, jsonType, decodeBody } from './body.ts'
import { parseGithubEvent } from './github-event.ts'
import { acceptedSecrets, type Source } from './source.ts'

/**
 * Whether `signature` signs exactly these bytes under one of the secrets. The library checks strings, so
 * bytes that are not UTF-8 are refused: decoding turns each of them into U+FFFD, and two bodies would
 * share a signature. The library throws for empty values.
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
 * `X-Hub-Signature-256` signs the raw body, not the event's name and the delivery's id. A hook that was
 * created by the REST API sends a form by default.
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
