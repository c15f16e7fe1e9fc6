import { describe, expect, it } from 'vitest'
import { toRequest } from '../../../src/delivery/request.ts'

const eventOf = (changes: Record<string, unknown> = {}) => ({
  version: '2.0',
  rawPath: '/hooks/github',
  requestContext: { http: { method: 'POST', path: '/hooks/github' } },
  headers: { 'content-type': 'application/json' },
  body: '{}',
  isBase64Encoded: false,
  ...changes,
})

describe('toRequest', () => {
  it('returns the bytes of a body that came as text', () => {
    expect(toRequest(eventOf({ body: '{"é":1}' })).body).toEqual(Buffer.from('{"é":1}', 'utf8'))
  })

  it('returns the bytes of a body that came in base64, UTF-8 or not', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x7d])
    const event = eventOf({ body: bytes.toString('base64'), isBase64Encoded: true })
    expect(toRequest(event).body).toEqual(bytes)
  })

  it.each([{ body: undefined }, { body: null }, { body: '', isBase64Encoded: true }])(
    'returns no bytes for an empty body (%j)',
    (changes) => {
      expect(toRequest(eventOf(changes)).body).toHaveLength(0)
    },
  )

  it('lowers the names of headers and joins one that came in two cases', () => {
    const headers = { 'X-Hub-Signature-256': 'a', 'x-hub-signature-256': 'b', gone: undefined }
    expect([...toRequest(eventOf({ headers })).headers]).toEqual([['x-hub-signature-256', 'a,b']])
  })

  it('reads a header with the name of an object property', () => {
    const headers: unknown = JSON.parse('{"__proto__":"x","constructor":"y"}')
    const request = toRequest(eventOf({ headers }))
    expect(request.headers.get('constructor')).toBe('y')
    expect(request.headers.get('tostring')).toBeUndefined()
  })

  it('takes a body for text where isBase64Encoded is missing', () => {
    const event = eventOf({ body: 'e30=', isBase64Encoded: undefined })
    expect(toRequest(event).body).toEqual(Buffer.from('e30='))
  })

  it('accepts an event without headers', () => {
    expect(toRequest(eventOf({ headers: undefined })).headers.size).toBe(0)
  })

  it.each([null, {}, { source: 'aws.ssm', detail: {} }])(
    'throws for %j, which is not a request of an HTTP API',
    (event) => {
      expect(() => toRequest(event)).toThrow(/rawPath|expected object/)
    },
  )
})
