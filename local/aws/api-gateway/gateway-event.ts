import * as z from 'zod'

/** The parts of a payload 2.0 event that differ between serverless-offline and API Gateway. */
const OfflineEvent = z.looseObject({
  body: z.string().nullable(),
  isBase64Encoded: z.boolean(),
  headers: z.record(z.string(), z.string()),
})

/** Marks a request that came without a content type: serverless-offline invents one. */
export const noContentType = 'x-landfall-local-no-content-type'

/** API Gateway hands these over as text; any other body, a form too, arrives in base64. */
const isText = (contentType: string): boolean =>
  /^(text\/|application\/(json|javascript|xml)(;|$))/.test(contentType.trim().toLowerCase())

const toUtf8 = (bytes: Buffer): string | null => {
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null
}

/**
 * The event as API Gateway would have sent it. Its body arrives here as the base64 of the raw bytes
 * (see `keepBytes`), once more encoded where serverless-offline took it for binary. Bytes that are
 * no UTF-8 stay as they are, in base64.
 */
export const toGatewayEvent = (raw: unknown): unknown => {
  const event = OfflineEvent.parse(raw)
  const { [noContentType]: unmarked, ...headers } = event.headers
  if (unmarked !== undefined) delete headers['content-type']
  if (event.body === null) return { ...event, headers }
  const encoded = event.isBase64Encoded
    ? Buffer.from(event.body, 'base64').toString('latin1')
    : event.body
  const bytes = Buffer.from(encoded, 'base64')
  const text = isText(headers['content-type'] ?? '') ? toUtf8(bytes) : null
  return {
    ...event,
    headers: { ...headers, 'content-length': String(bytes.length) },
    body: text ?? encoded,
    isBase64Encoded: text === null,
  }
}
