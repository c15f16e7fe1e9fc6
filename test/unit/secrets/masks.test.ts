import { expect, test } from 'vitest'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { listMasks, maskText } from '../../../src/secrets/masks.ts'

const masksOf = (...secrets: string[]): string[] =>
  listMasks(secrets.map((secret) => new Redacted(secret))).map((mask) => mask.reveal())

test('masks values of 8 characters and more only', () => {
  expect(masksOf('True', '1234567', '12345678')).toEqual(['12345678'])
})

test('masks a value of several lines line by line', () => {
  const key = '-----BEGIN KEY-----\r\n  MIIEvQIBADAN\nshort\n-----END KEY-----\n'
  expect(masksOf(key)).toEqual(['-----BEGIN KEY-----', '-----END KEY-----', 'MIIEvQIBADAN'])
})

test('masks a value as JSON prints it, too', () => {
  expect(masksOf('say "hello"')).toEqual(['say \\"hello\\"', 'say "hello"'])
})

test('masks the password within an address, also as frameworks decode it', () => {
  expect(masksOf('postgres://shop:correct%2Fhorse@db:5432/shop')).toEqual([
    'postgres://shop:correct%2Fhorse@db:5432/shop',
    'correct%2Fhorse',
    'correct/horse',
  ])
})

test('masks longer values first, so that no part of them is left over', () => {
  const masks = listMasks([new Redacted('password'), new Redacted('password-of-the-database')])
  expect(maskText('it is password-of-the-database, or password', masks)).toBe(
    'it is [masked], or [masked]',
  )
})

test('masks a value that looks like a pattern or a replacement', () => {
  const masks = listMasks([new Redacted('.*.*.*.*'), new Redacted('$& $& $&')])
  expect(maskText('abc $& $& $& .*.*.*.* def', masks)).toBe('abc [masked] [masked] def')
})
