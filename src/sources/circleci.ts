import { createHmac, timingSafeEqual } from 'node:crypto'
import { fail } from '../kernel/result.ts'
import { jsonType, decodeBody } from './body.ts'
import { parseCircleciEvent } from './circleci-event.ts'
import { acceptedSecrets, type Source } from './source.ts'

/** In constant time, except for the length, which is not secret. */
const isSameSignature = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Whether the header, `v1=<hex>,v2=…`, has a `v1` signature of exactly these bytes under one of the secrets. */
export const isSignedByCircleci = (
  secrets: readonly string[],
  body: Uint8Array,
  header: string,
): boolean => {
  const entries = header.split(',').map((entry) => entry.trim())
  const sent = entries.flatMap((entry) => (entry.startsWith('v1=') ? [entry.slice(3)] : []))
  return secrets.some((secret) => {
    if (secret === '' || sent.length === 0) return false
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    return sent.some((one) => isSameSignature(one, signature))
  })
}

/**
 * `circleci-signature` signs the raw body. `circleci-event-type` is not signed and not read: the body has the
 * type. The time is not signed either, so a replay is possible and harmless: evidence is idempotent.
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
