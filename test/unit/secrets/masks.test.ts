import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { listMasks, maskText, rankMasks, type Maskable } from '../../../src/secrets/masks.ts'

const maskableOf = (...secrets: string[]): Maskable => ({
  secrets: secrets.map((secret) => new Redacted(secret)),
  login: null,
})

/** The texts that are masked as they are, without their other forms. */
const plainOf = (...secrets: string[]): string[] =>
  rankMasks(maskableOf(...secrets)).flatMap(({ text, rank }) => (rank === 0 ? [text] : []))

const mask = (text: string, ...secrets: string[]): string =>
  maskText(text, listMasks(maskableOf(...secrets)))

test('masks values of 8 characters and more only', () => {
  expect(plainOf('True', '1234567', '12345678')).toEqual(['12345678'])
  expect(mask(`1234567 ${btoa('1234567')}`, '1234567')).toBe(`1234567 ${btoa('1234567')}`)
})

test('masks a value of several lines line by line', () => {
  const key = '-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nshort\n-----END KEY-----\n'
  expect(plainOf(key)).toEqual(['-----BEGIN KEY-----', '-----END KEY-----', 'MIIEvQIBADAN'])
})

test('masks a value as JSON prints it, too', () => {
  expect(plainOf('say "hello"')).toEqual(['say \\"hello\\"', 'say "hello"'])
})

test('masks the password within an address, also as frameworks decode it', () => {
  expect(plainOf('postgres://shop:correct%2Fhorse@db:5432/shop')).toEqual([
    'postgres://shop:correct%2Fhorse@db:5432/shop',
    'correct%2Fhorse',
    'correct/horse',
  ])
})

test('masks longer values first, so that no part of them is left over', () => {
  expect(
    mask('it is password-of-the-database, or password', 'password', 'password-of-the-database'),
  ).toBe('it is [masked], or [masked]')
})

test('masks a value that looks like a pattern or a replacement', () => {
  expect(mask('abc $& $& $& .*.*.*.* def', '.*.*.*.*', '$& $& $&')).toBe(
    'abc [masked] [masked] def',
  )
})

describe('a value is masked', () => {
  const quoted = `it's <a> "b" & é`
  const url = 'https://user:pass%20word%21@host/?token=abc%2F12345&short=1&key=a+b+c+d+e'
  const account = JSON.stringify({
    type: 'x',
    nested: [{ private_key: 'first-line\nsecond-line' }],
    uri: 'redis://:another-password@cache',
  })

  test.each([
    ['percent-encoded', quoted, "it's%20%3Ca%3E%20%22b%22%20%26%20%C3%A9"],
    ['as Django’s error page escapes it', quoted, 'it&#x27;s &lt;a&gt; &quot;b&quot; &amp; é'],
    ['as JSON in ASCII', quoted, `it's <a> \\"b\\" & \\u00e9`],
    [
      'without the rest of its address: a password with an @ of its own',
      'postgres://shop:first-half@second-half@db:5432/shop',
      'first-half@second-half',
    ],
    [
      'without the rest of its address: the same, up to its @',
      'postgres://shop:first-half@second-half@db:5432/shop',
      'first-half',
    ],
    [
      'without the rest of its address: a password with @ and an address after it',
      'https://shop:first@second@host/?mail=ada@example.com',
      'first@second',
    ],
    [
      'without the rest of its address: a password whose user has an @',
      'mysql://shop@tenant:long-password@db:3306/shop',
      'long-password',
    ],
    [
      'without the rest of its address: a password with @, / and #',
      'postgres://shop:half/of#it@second-half@db:5432/shop',
      'half/of#it@second-half',
    ],
    [
      'without the rest of its address: a password with @ before and after a /',
      'postgres://shop:half@more/of-it@db:5432/shop',
      'half@more/of-it',
    ],
    [
      'without the rest of its address: a password with : and an address after it',
      'https://shop:first:second@host/?mail=ada@example.com',
      'first:second',
    ],
    ['without the rest of its address: a lone token', 'https://a-long-token@host/', 'a-long-token'],
    ['without the rest of its address: a value of the query', url, 'abc%2F12345'],
    ['without the rest of its address: the same, decoded', url, 'abc/12345'],
    ['without the rest of its address: the same, of a form', url, 'a b c d e'],
    ['in JSON: a text, line by line', account, 'first-line'],
    ['in JSON: another line', account, 'second-line'],
    ['in JSON: the password of an address', account, 'another-password'],
  ])('%s', (_what, value, shown) => {
    expect(mask(`shown: ${shown}`, value)).toBe('shown: [masked]')
  })

  test('in base64, whatever stands before and after it', () => {
    const secret = fc.string({ unit: 'binary', minLength: 8, maxLength: 40 })
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        fc.pre(value.trim() === value && !/[\r\n]/.test(value))
        const shown = Buffer.from(before + value + after).toString('base64')
        const masked = mask(shown, value)
        expect(masked).toContain('[masked]')
        // What is left has bits of one byte of the value at most, on either side.
        const left = masked.replaceAll(/\[masked\]|=/g, '').length
        const others = Buffer.byteLength(before) + Buffer.byteLength(after)
        expect(left).toBeLessThanOrEqual(Math.ceil((others * 8) / 6) + 3)
      }),
    )
  })

  test.each([
    ['of an address', maskableOf('https://ci:registry-pass@host/')],
    [
      'of a registry',
      { secrets: [], login: { username: 'ci', password: new Redacted('registry-pass') } },
    ],
    [
      'of an address with an @ more',
      maskableOf('https://ci:registry@pass-word@host/'),
      'registry@pass-word',
    ],
  ])(
    'in a header for basic authentication, with its user: %s',
    (_what, maskable, password = 'registry-pass') => {
      const header = `Basic ${btoa(`ci:${password}`)}`
      expect(maskText(header, listMasks(maskable))).toMatch(/^Basic \[masked\].{0,2}=*$/)
    },
  )
})

test('a value that is deep JSON, or half a character, is masked like any other', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  expect(mask(`it is ${deep}`, deep)).toBe('it is [masked]')
  expect(mask('it is \uD800-half-a-pair', '\uD800-half-a-pair')).toBe('it is [masked]')
})
