import { Redacted } from '../kernel/redacted.ts'

/** Masks of shorter values (`True`, `5432`) would make every log line unreadable. */
export const minMaskedLength = 8

/** The password of `postgres://user:password@host`: frameworks take such a value apart and print the parts. */
const passwordOf = (line: string): readonly string[] => {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:([^@]+)@/i.exec(line)?.[1]
  if (password === undefined) return []
  try {
    return [password, decodeURIComponent(password)]
  } catch {
    return [password]
  }
}

/**
 * The texts to mask in captured output, longest first so that no part of a longer value is left over.
 * Output is read by lines, hence a value of several lines is masked line by line.
 */
export const listMasks = (secrets: readonly Redacted[]): readonly Redacted[] => {
  const lines = secrets.flatMap((secret) => secret.reveal().split(/[\r\n]+/))
  const parts = lines.map((line) => line.trim()).flatMap((line) => [line, ...passwordOf(line)])
  // Each as JSON (and most tracebacks) print it, too.
  const masks = new Set(parts.flatMap((part) => [part, JSON.stringify(part).slice(1, -1)]))
  return [...masks]
    .filter((mask) => mask.length >= minMaskedLength)
    .sort((one, other) => other.length - one.length)
    .map((mask) => new Redacted(mask))
}

export const maskText = (text: string, masks: readonly Redacted[]): string =>
  masks.reduce((masked, mask) => masked.replaceAll(mask.reveal(), '[masked]'), text)
