import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

export interface HttpRequest {
  readonly method: string
  /** As it was sent: path and query. */
  readonly url: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export const readRequest = async (request: IncomingMessage): Promise<HttpRequest> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    path: new URL(request.url ?? '/', 'http://localhost').pathname,
    headers: request.headers,
    body: Buffer.concat(chunks),
  }
}

export const toHeader = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : (value ?? '')
}
