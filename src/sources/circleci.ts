import { createHmac, timingSafeEqual } from 'node:crypto'
import { fail } from '../kernel/result.ts'
import { jsonType, decodeBody } from './body.ts'
import { parseCircleciEvent } from './circleci-event.ts'
import { acceptedSecrets, type Source } from './source.ts'

/** The newest version that we know. An older one beside it never counts: that would be a downgrade. */
const version = 'v1='

/** `v1=<hex>,v2=…`: the signatures of our version, without its name. */
const signaturesOf = (header: string): readonly string[] =>
  header
    .split(',')
    .map((entry) => entry.trim())
    .flatMap((entry) => (entry.startsWith(version) ? [entry.slice(version.length)] : []))

/** In constant time; only the length, which is no secret, shows. */
const isSameSignature = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Whether the header has the signature of exactly these bytes under one of the secrets. */
export const isSignedByCircleci = (
  secrets: readonly string[],
  body: Uint8Array,
  header: string,
): boolean => {
  const sent = signaturesOf(header)
  return secrets.some((secret) => {
    if (secret === '' || sent.length === 0) return false
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    return sent.some((one) => isSameSignature(one, signature))
  })
}

/**
 * `circleci-signature` over the raw body. `circleci-event-type` is not signed and not read: the body
 * says what it is. Neither is the time signed, so a replay is met by evidence that is idempotent.
 */
export const circleci: Source = {
  name: 'circleci',
  contentTypes: [jsonType],
  verify: async (delivery, secrets, now) => {
    const header = delivery.headers.get('circleci-signature') ?? ''
    if (header === '') return fail('signature_missing')
    const isSigned = isSignedByCircleci(acceptedSecrets(secrets, now), delivery.body, header)
    return isSigned ? parseCircleciEvent(decodeBody(delivery)) : fail('signature_invalid')
  },
}
