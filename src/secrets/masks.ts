import { Redacted } from '../kernel/redacted.ts'

/** Shorter values (`True`, `5432`) would tear holes into every log line. */
export const minMaskedLength = 8

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The password of `postgres://user:password@host`: frameworks take such a value apart and print the parts. */
const passwordOf = (line: string): readonly string[] => {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:([^@]+)@/i.exec(line)?.[1]
  return password === undefined ? [] : [password, decode(password)]
}

/** As JSON (and most tracebacks) print it. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/**
 * What to blot out of captured output, longest first so that no part of a longer value is left over.
 * Output is read by lines, hence a value of several lines is masked line by line.
 */
export const listMasks = (secrets: readonly Redacted[]): readonly Redacted[] => {
  const lines = secrets.flatMap((secret) => secret.reveal().split(/[\r\n]+/))
  const parts = lines.map((line) => line.trim()).flatMap((line) => [line, ...passwordOf(line)])
  const masks = new Set(parts.flatMap((part) => [part, escaped(part)]))
  return [...masks]
    .filter((mask) => mask.length >= minMaskedLength)
    .sort((one, other) => other.length - one.length)
    .map((mask) => new Redacted(mask))
}

/** Blots the masks out of a text, as the host did before: nothing is stored on its word alone. */
export const maskText = (text: string, masks: readonly Redacted[]): string =>
  masks.reduce((masked, mask) => masked.replaceAll(mask.reveal(), '[masked]'), text)
