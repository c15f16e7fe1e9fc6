import * as z from 'zod'

/** An HTTP request before any check of limits. */
export interface HookRequest {
  readonly method: string
  readonly path: string
  /** Names in lower case; a header sent twice has its values joined by `,`. */
  readonly headers: ReadonlyMap<string, string>
  /** The bytes that the sender sent, without API Gateway's encoding. */
  readonly body: Buffer
}

/** The used fields of an event of API Gateway's HTTP API, payload format 2.0. */
const HttpEvent = z.object({
  rawPath: z.string(),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  headers: z.record(z.string(), z.string().optional()).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
})

/**
 * API Gateway sends `text/*` and JSON as text, and a form or a body without a content type in base64. The
 * bytes are signed, so they are restored here.
 *
 * @throws ZodError where the event is not from an HTTP API
 */
export const toRequest = (event: unknown): HookRequest => {
  const { rawPath, requestContext, headers, body, isBase64Encoded } = HttpEvent.parse(event)
  return {
    method: requestContext.http.method,
    path: rawPath,
    headers: toHeaders(headers),
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  }
}

const toHeaders = (sent: Readonly<Record<string, string | undefined>>): Map<string, string> => {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(sent)) {
    if (value === undefined) continue
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before},${value}`)
  }
  return headers
}
