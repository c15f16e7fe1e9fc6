import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinOrigins, originLimits, toOrigin } from '../../../src/kernel/origin.ts'

const hosts = ['github.com']
const read = (told: Parameters<typeof toOrigin>[0]) => toOrigin(told, hosts)

describe('the title of a commit', () => {
  it.each([
    ['the first line of a message', 'Add a field\n\nIt searches.', 'Add a field'],
    ['the first line that is written', '\n\r\n  Add a field\r\nMore', 'Add a field'],
    ['a title in French', 'Corrige l’accès « été »', 'Corrige l’accès « été »'],
    ['an emoji', '✨ Add a field 🎉', '✨ Add a field 🎉'],
    ['colours of a terminal', '\u001B[31;1mAdd\u001B[0m a field', 'Add a field'],
    ['a link of a terminal', '\u001B]8;;https://evil.example\u0007Add\u001B]8;;\u0007', 'Add'],
    ['an escape without an end', 'Add\u001B a field\u009B', 'Add a field'],
    ['bidi characters', 'Add \u202Eelif\u202C \u2066a\u2069 field\u200F', 'Add elif a field'],
    ['control characters', 'Add\u0000\u0007 a\tfield\u0085', 'Add a field'],
    ['characters of no width', 'A\u200Bd\u2060d', 'Add'],
    ['half a character', 'Add \uD83D a field', 'Add a field'],
    ['a token', `Use ghp_${'a'.repeat(36)} again`, 'Use [REDACTED] again'],
    ['a token in two', `Use ghp_aaaa\u200B${'a'.repeat(30)}`, 'Use [REDACTED]'],
    ['what is no credential', 'Add basic authentication', 'Add basic authentication'],
    ['a basic thing', 'Basic validation of forms', 'Basic validation of forms'],
    ['one at the end', 'Document bearer authentication.', 'Document bearer authentication.'],
    ['a basic credential', 'Use Basic YWRhOnB3ZA==', 'Use [REDACTED]'],
    ['a bearer', 'Use bearer eyJhbGciOiJIUzI1NiJ9', 'Use [REDACTED]'],
    [
      'the password of an address, to its last @',
      'Ask https://ada@shop:pa55@word@x.example/ today',
      'Ask https://[REDACTED]@x.example/ today',
    ],
    ['what is long enough for a token', `Use ${'Ab1_'.repeat(20)}`, 'Use [REDACTED]'],
    [
      'a password in an address',
      'Ask https://ada:secret@x.example',
      'Ask https://[REDACTED]@x.example',
    ],
    [
      'a branch with a long name',
      `Merge acme/${'a-b/'.repeat(20)}`,
      `Merge acme/${'a-b/'.repeat(20)}`,
    ],
  ])('reads %s', (_what, message, title) => {
    expect(read({ message })?.title).toBe(title)
  })

  it('keeps 120 characters of 10,000, and cuts none in two', () => {
    const title = read({ message: '🎉'.repeat(10_000) })?.title
    expect(title).toBe(`${'🎉'.repeat(119)}…`)
  })

  it.each([undefined, null, '', ' \n ', '\u202E\u0000\u001B[2J'])('is none in %j', (message) => {
    expect(read({ message, author: 'Ada' })).toMatchObject({ title: null, author: 'Ada' })
    expect(read({ message })).toBeNull()
  })
})

describe('the author of a commit', () => {
  it.each([
    ['a name', 'Ada Lovelace', 'Ada Lovelace'],
    ['a name with an address', 'Ada Lovelace <ada@example.com>', 'Ada Lovelace'],
    ['an address in place of a name', 'ada@example.com', null],
    ['two of them', 'Ada <ada@example.com>, Bob <bob@example.com>', 'Ada , Bob'],
  ])('is kept without an address: %s', (_what, author, name) => {
    expect(read({ message: 'Add a field', author })?.author).toBe(name)
  })
})

describe('the account of an author', () => {
  it.each([
    [{ login: 'ada' }, 'ada'],
    [{ login: 'dependabot[bot]' }, 'dependabot[bot]'],
    [{ login: 'ada', email: '1+grace@users.noreply.github.com' }, 'ada'],
    [{ email: '4711+ada-l@users.noreply.github.com' }, 'ada-l'],
    [{ email: 'ada@users.noreply.github.com' }, 'ada'],
  ])('is read from %j', (told, login) => {
    expect(read(told)?.login).toBe(login)
  })

  it.each([
    { login: '@channel' },
    { login: 'a'.repeat(41) },
    { login: '<b>' },
    { email: 'ada@example.com' },
    { email: 'ada@users.noreply.github.com.evil.example' },
    { email: `${'a'.repeat(10_000)}@users.noreply.github.com` },
  ])('is not read from %j', (told) => {
    expect(read(told)).toBeNull()
  })
})

describe('the address of a run', () => {
  const page = 'https://github.com/acme/shop/actions/runs/7'

  it.each([
    [page, page],
    [`${page}?token=abc#x`, page],
    [
      'https://GitHub.com:443/acme/shop/compare/a^...b',
      'https://github.com/acme/shop/compare/a%5E...b',
    ],
    [
      'https://github.com/acme/shop/compare/été',
      'https://github.com/acme/shop/compare/%C3%A9t%C3%A9',
    ],
  ])('is read from %s', (runUrl, expected) => {
    expect(read({ runUrl })?.runUrl).toBe(expected)
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>',
    'http://github.com/acme/shop',
    'https://github.com.evil.example/acme/shop',
    'https://evil.example/github.com',
    'https://ada@github.com/acme/shop',
    'https://github.com:8443/acme/shop',
    'https://github.com/a|b',
    "https://github.com/'a",
    '//github.com/acme',
    'not an address',
    `https://github.com/${'a'.repeat(1000)}`,
    `https://github.com/ghp_${'a'.repeat(36)}`,
  ])('is dropped: %s', (url) => {
    expect(read({ runUrl: url, compareUrl: url })).toBeNull()
  })
})

it('makes of any texts one line each, within its limit, without control and bidi characters', () => {
  const text = fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: null })
  const told = fc.record({ message: text, author: text, email: text, login: text, runUrl: text })
  fc.assert(
    fc.property(told, (texts) => {
      const { title, author, ...others } = read(texts) ?? { title: null, author: null }
      expect(Array.from(title ?? '').length).toBeLessThanOrEqual(originLimits.title)
      expect(Array.from(author ?? '').length).toBeLessThanOrEqual(originLimits.author)
      expect(JSON.stringify({ title, author, others })).not.toMatch(/[\p{C}\u2028\u2029]/u)
    }),
    { numRuns: 500 },
  )
})

it('joins what several sources tell, each field from the first that has it', () => {
  const run = read({ message: 'By the run', runUrl: 'https://github.com/acme/shop/actions/runs/7' })
  const push = read({ message: 'By the push', login: 'ada' })
  expect(joinOrigins([push, null, run])).toEqual({ ...run, title: 'By the push', login: 'ada' })
  expect(joinOrigins([null, null])).toBeNull()
})
