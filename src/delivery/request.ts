import * as z from 'zod'

/** An HTTP request as it came in, before any limit. */
export interface HookRequest {
  readonly method: string
  readonly path: string
  /** Names in lower case; a header sent twice has its values joined by `,`. */
  readonly headers: ReadonlyMap<string, string>
  /** The bytes that were sent, whatever API Gateway made of them. */
  readonly body: Buffer
}

/** The part that is used of an event of API Gateway's HTTP API, payload format 2.0. */
const HttpEvent = z.object({
  rawPath: z.string(),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
  headers: z.record(z.string(), z.string().optional()).default({}),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().default(false),
})

/**
 * API Gateway sends only `text/*` and JSON as text; a form, or a body without a content type, arrives
 * in base64. What was signed are the bytes, so they are what goes on from here.
 *
 * @throws ZodError where the event is none of an HTTP API: the function was woken by something else.
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
