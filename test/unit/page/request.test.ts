import { describe, expect, it } from 'vitest'
import { newToken } from '../../../src/kernel/id.ts'
import { toCookieName, toPageRequest } from '../../../src/page/request.ts'
import { readLinkToken } from '../../../src/page/sign-in.ts'

const name = '__Host-landfall'
const token = newToken()

const eventOf = (changes: object) => ({
  rawPath: '/',
  requestContext: { http: { method: 'POST' } },
  headers: {},
  ...changes,
})

const withCookies = (...cookies: readonly string[]) =>
  toPageRequest(eventOf({ cookies }), name).token

describe('the cookie of the page', () => {
  it('is read from the list of API Gateway and from the header', () => {
    expect(withCookies('other=1', `${name}=${token}`)).toBe(token)
    const headers = { cookie: `other=1; ${name}=${token}` }
    expect(toPageRequest(eventOf({ headers }), name).token).toBe(token)
  })

  it.each([
    ['an empty one', [`${name}=`]],
    ['a short one', [`${name}=${token.slice(1)}`]],
    ['a long one', [`${name}=${token}a`]],
    ['another alphabet', [`${name}=${'é'.repeat(43)}`]],
    ['a key of the journal', [`${name}=../../session#page`]],
    ['another name', [`landfall=${token}`]],
    ['another case', [`__host-landfall=${token}`]],
    ['two of its name', [`${name}=${token}`, `${name}=${newToken()}`]],
    ['no value', [name]],
    ['nothing', []],
  ] as const)('is none: %s', (_, cookies) => {
    expect(withCookies(...cookies)).toBeNull()
  })

  it('is bound to its host where there is HTTPS', () => {
    expect(toCookieName('https://x.execute-api.eu-west-3.amazonaws.com')).toBe(name)
    expect(toCookieName('http://localhost:3000')).toBe('landfall')
  })
})

describe('the origin of a form', () => {
  const isSame = (headers: object) => toPageRequest(eventOf({ headers }), name).isSameOrigin

  it('is the same where Origin names the host', () => {
    expect(isSame({ origin: 'https://page.example', host: 'page.example' })).toBe(true)
    expect(isSame({ origin: 'http://localhost:3000', host: 'LOCALHOST:3000' })).toBe(true)
  })

  it.each([
    { host: 'page.example' },
    { origin: 'null', host: 'page.example' },
    { origin: '', host: 'page.example' },
    { origin: 'https://page.example' },
    { origin: 'https://page.example.evil', host: 'page.example' },
    { origin: 'https://evil.example', host: 'page.example' },
    { origin: 'https://page.example:444', host: 'page.example' },
    { origin: 'https://page.example,https://evil.example', host: 'page.example' },
  ])('is another, or not known: %j', (headers) => {
    expect(isSame(headers)).toBe(false)
  })
})

describe('the form of a request', () => {
  const formOf = (body: string, type = 'application/x-www-form-urlencoded') =>
    toPageRequest(
      eventOf({
        headers: { 'content-type': type },
        body: Buffer.from(body).toString('base64'),
        isBase64Encoded: true,
      }),
      name,
    ).form

  it('is read from base64, as API Gateway sends a form', () => {
    expect(formOf('do=freeze&reason=a%20b').get('reason')).toBe('a b')
  })

  it('is empty where the body is no form, or longer than any', () => {
    expect([...formOf('do=freeze', 'text/plain')]).toEqual([])
    expect([...formOf('do=freeze', 'multipart/form-data; boundary=x')]).toEqual([])
    expect([...formOf(`do=${'x'.repeat(4096)}`)]).toEqual([])
  })
})

describe('a pasted link', () => {
  it('is read whole, or what stands behind its #', () => {
    for (const text of [token, ` https://x.example/open#${token}\n`, `#${token}`])
      expect(readLinkToken(text)).toBe(token)
  })

  it.each(['', '#', 'https://x.example/open', 'x'.repeat(44), `${'y'.repeat(43)}#`])(
    'is none: %s',
    (text) => {
      expect(readLinkToken(text)).toBeNull()
    },
  )
})
