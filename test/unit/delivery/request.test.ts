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
  it('gives the bytes of a body that came as text', () => {
    expect(toRequest(eventOf({ body: '{"é":1}' })).body).toEqual(Buffer.from('{"é":1}', 'utf8'))
  })

  it('gives the bytes of a body that came in base64, UTF-8 or not', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x7d])
    const event = eventOf({ body: bytes.toString('base64'), isBase64Encoded: true })
    expect(toRequest(event).body).toEqual(bytes)
  })

  it.each([{ body: undefined }, { body: null }, { body: '', isBase64Encoded: true }])(
    'gives no bytes where none came (%j)',
    (changes) => {
      expect(toRequest(eventOf(changes)).body).toHaveLength(0)
    },
  )

  it('lowers the names of headers and joins one that came in two cases', () => {
    const headers = { 'X-Hub-Signature-256': 'a', 'x-hub-signature-256': 'b', gone: undefined }
    expect([...toRequest(eventOf({ headers })).headers]).toEqual([['x-hub-signature-256', 'a,b']])
  })

  it('takes a header by the name of a property of every object for what it is', () => {
    const headers: unknown = JSON.parse('{"__proto__":"x","constructor":"y"}')
    const request = toRequest(eventOf({ headers }))
    expect(request.headers.get('constructor')).toBe('y')
    expect(request.headers.get('tostring')).toBeUndefined()
  })

  it('takes a body for text where nothing is said', () => {
    const event = eventOf({ body: 'e30=', isBase64Encoded: undefined })
    expect(toRequest(event).body).toEqual(Buffer.from('e30='))
  })

  it('does without headers', () => {
    expect(toRequest(eventOf({ headers: undefined })).headers.size).toBe(0)
  })

  it.each([null, {}, { source: 'aws.ssm', detail: {} }])(
    'says that %j is no request of an HTTP API',
    (event) => {
      expect(() => toRequest(event)).toThrow(/rawPath|expected object/)
    },
  )
})
