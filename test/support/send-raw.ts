import { request, type OutgoingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

export interface RawAnswer {
  readonly status: number
  readonly text: string
}

/** A request with just these headers: fetch sets Host and Origin itself. */
export const sendRaw = (
  url: string | URL,
  headers: OutgoingHttpHeaders,
  { method = 'GET', body = '' } = {},
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent: false }, (incoming) => {
      text(incoming).then(
        (said) => resolve({ status: incoming.statusCode ?? 0, text: said }),
        reject,
      )
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
