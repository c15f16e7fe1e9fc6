import { expect, test } from 'vitest'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { listMasks, maskText } from '../../../src/secrets/masks.ts'

const masksOf = (...secrets: string[]): string[] =>
  listMasks(secrets.map((secret) => new Redacted(secret))).map((mask) => mask.reveal())

test('values of 8 characters and more are masked, shorter ones are not', () => {
  expect(masksOf('True', '1234567', '12345678')).toEqual(['12345678'])
})

test('a value of several lines is masked line by line', () => {
  const key = '-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nshort\n-----END KEY-----\n'
  expect(masksOf(key)).toEqual(['-----BEGIN KEY-----', '-----END KEY-----', 'MIIEvQIBADAN'])
})

test('a value is masked as JSON prints it, too', () => {
  expect(masksOf('say "hello"')).toEqual(['say \\"hello\\"', 'say "hello"'])
})

test('the password within an address is masked, also as frameworks decode it', () => {
  expect(masksOf('postgres://shop:correct%2Fhorse@db:5432/shop')).toEqual([
    'postgres://shop:correct%2Fhorse@db:5432/shop',
    'correct%2Fhorse',
    'correct/horse',
  ])
})

test('longer values come first, so that nothing of them is left over', () => {
  const masks = listMasks([new Redacted('password'), new Redacted('password-of-the-database')])
  expect(maskText('it is password-of-the-database, or password', masks)).toBe(
    'it is [masked], or [masked]',
  )
})

test('a value that looks like a pattern or a replacement is taken literally', () => {
  const masks = listMasks([new Redacted('.*.*.*.*'), new Redacted('$& $& $&')])
  expect(maskText('abc $& $& $& .*.*.*.* def', masks)).toBe('abc [masked] [masked] def')
})
