import * as z from 'zod'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import type { RegistryLogin } from './app-secret.ts'

/** Masks of shorter values (`True`, `5432`) would make every log line unreadable. */
export const minMaskedLength = 8

/** What the output must not show. */
export interface Maskable {
  readonly secrets: readonly Redacted[]
  readonly login: RegistryLogin | null
}

/** A text to mask. Rank 0 is a value as it is; the higher the rank, the less likely output has it. */
interface Part {
  readonly text: string
  readonly rank: number
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Captured output is read by lines, hence a value of several lines is masked line by line. */
const splitLines = (value: string): readonly string[] =>
  value.split(/[\r\n]+/).map((line) => line.trim())

interface Credential {
  readonly user: string
  readonly password: string
  readonly isLogin: boolean
}

/** `user:password`, or a token alone. */
const toCredential = (written: string): Credential => {
  const [user = '', ...password] = written.split(':')
  const isLogin = password.length > 0
  return { user, password: isLogin ? password.join(':') : user, isLogin }
}

/**
 * `postgres://user:password@host`. Name and password may have an `@` of their own, and clients differ in which one ends
 * them: the first, the last before the path, or the last of all, before which a password may have a `/`.
 */
const readCredentials = (line: string): readonly Credential[] => {
  const [, rest = ''] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/i.exec(line) ?? []
  const [authority = ''] = /^[^/?#]*/.exec(rest) ?? []
  const ends = [rest.indexOf('@'), authority.lastIndexOf('@'), rest.lastIndexOf('@')]
  return [...new Set(ends)].filter((end) => end >= 0).map((end) => toCredential(rest.slice(0, end)))
}

/** Frameworks take a URL apart and print the parts, decoded or not. */
const listCredentials = (line: string): readonly string[] => {
  const passwords = readCredentials(line).map(({ password }) => password)
  return [...passwords, ...passwords.map(decode)]
}

const listQueryValues = (line: string): readonly string[] => {
  const [, query = ''] = /^[a-z][a-z0-9+.-]*:\/\/[^?#]*\?([^#]*)/i.exec(line) ?? []
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  return values.flatMap((value) => [value, decode(value.replaceAll('+', ' '))])
}

/** The texts in a value that is JSON, such as the key of a service account. */
const listLeaves = (value: string): readonly string[] => {
  const leaves: string[] = []
  const rest = [parseJson(z.unknown(), value)]
  for (const one of rest)
    if (typeof one === 'string') leaves.push(...splitLines(one))
    else if (typeof one === 'object' && one !== null)
      rest.push(...Object.values<unknown>({ ...one }))
  return leaves
}

const listParts = (value: string): readonly Part[] => {
  const lines = splitLines(value)
  const leaves = listLeaves(value)
  const whole = lines.flatMap((line) => [line, ...listCredentials(line)])
  const within = [
    ...leaves,
    ...leaves.flatMap(listCredentials),
    ...[...lines, ...leaves].flatMap(listQueryValues),
  ]
  return [
    ...whole.map((text) => ({ text, rank: 0 })),
    ...within.map((text) => ({ text, rank: 1 })),
  ].filter(({ text }) => text.length >= minMaskedLength)
}

const entities = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#x27;'],
])

const toJson = (text: string): string => JSON.stringify(text).slice(1, -1)

const toUnicodeEscape = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** What base64 shows of a text, whatever stands after it and however many bytes (modulo 3) before it. */
const toBase64 = (text: string, before: number): string => {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)])
  const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)]
  return bytes.toString('base64').slice(from, to)
}

const listForms = ({ text, rank }: Part): readonly Part[] => [
  { text, rank },
  // JSON, and most tracebacks.
  { text: toJson(text), rank },
  // Through bytes, because half of a surrogate pair has no form.
  { text: encodeURIComponent(Buffer.from(text).toString()), rank: 2 },
  // Django's error page.
  { text: text.replaceAll(/[&<>"']/g, (one) => entities.get(one) ?? one), rank: 2 },
  // JSON in ASCII, which is Python's default.
  { text: toJson(text).replaceAll(/[\x7F-\uFFFF]/g, toUnicodeEscape), rank: 2 },
  { text: toBase64(text, 0), rank: 3 },
  { text: toBase64(text, 1), rank: 4 },
  { text: toBase64(text, 2), rank: 4 },
]

/** `Authorization: Basic`. */
const listBasic = (user: string, password: string): readonly Part[] =>
  password.length < minMaskedLength ? [] : [{ text: toBase64(`${user}:${password}`, 0), rank: 3 }]

const listBasicOfUrl = (line: string): readonly Part[] =>
  readCredentials(line).flatMap(({ user, password, isLogin }) =>
    isLogin ? listBasic(decode(user), decode(password)) : [],
  )

/**
 * The texts to mask in captured output, each with its rank, longest first, so that no part of a longer one is
 * left over.
 */
export const rankMasks = ({ secrets, login }: Maskable): readonly Part[] => {
  const password = login?.password.reveal() ?? ''
  const values = [...secrets.map((secret) => secret.reveal()), password]
  const found = [
    ...values.flatMap(listParts).flatMap(listForms),
    ...values.flatMap(splitLines).flatMap(listBasicOfUrl),
    ...listBasic(login?.username ?? '', password),
  ]
  const ranked = new Map<string, number>()
  for (const { text, rank } of found) ranked.set(text, Math.min(rank, ranked.get(text) ?? rank))
  return [...ranked]
    .map(([text, rank]) => ({ text, rank }))
    .sort((one, other) => Buffer.byteLength(other.text) - Buffer.byteLength(one.text))
}

/** All of them: Landfall masks with these before it stores anything. */
export const listMasks = (maskable: Maskable): readonly Redacted[] =>
  rankMasks(maskable).map(({ text }) => new Redacted(text))

export const maskText = (text: string, masks: readonly Redacted[]): string =>
  masks.reduce((masked, mask) => masked.replaceAll(mask.reveal(), '[masked]'), text)
