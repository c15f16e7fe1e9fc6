import * as z from 'zod'

export type Path = readonly PropertyKey[]

/** A mistake in `landfall.yml`, at a path of its data. */
export interface Mistake {
  readonly path: Path
  readonly message: string
  /** The mistake is the key itself, not its value. */
  readonly ofKey?: boolean
  /** The value may be a secret in the wrong place, so it is not quoted. */
  readonly silent?: boolean
  /** It works, but may not be intended. */
  readonly isWarning?: boolean
}

export const mistaken = (path: Path, message: string, ofKey = false): readonly Mistake[] => [
  { path, message, ofKey },
]

export const warned = (path: Path, message: string): readonly Mistake[] => [
  { path, message: `warning: ${message}`, isWarning: true },
]

/** `apps.oc-lettings.targets[0].ec2.port` */
export const renderPath = (path: Path): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')

const distance = (left: string, right: string): number => {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (const [row, letter] of Array.from(left).entries()) {
    const current = [row + 1]
    for (const [column, other] of Array.from(right).entries()) {
      const substitution =
        (previous[column] ?? 0) + (letter.toLowerCase() === other.toLowerCase() ? 0 : 1)
      current.push(
        Math.min(substitution, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1),
      )
    }
    previous = current
  }
  return previous.at(-1) ?? 0
}

/** The known word that is at most a quarter of its letters away. */
const nearest = (word: string, known: readonly string[]): string | null => {
  const [best] = known
    .map((candidate) => ({ candidate, far: distance(word, candidate) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(candidate.length / 4)))
    .sort((left, right) => left.far - right.far)
  return best?.candidate ?? null
}

/** Puts the known keys into the message of zod's issue of an unknown key, which does not name them. */
export const listKnownKeys: z.core.$ZodErrorMap = (issue) => {
  const isObject = issue.code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject
  return isObject ? Object.keys(issue.inst.shape).join(' ') : undefined
}

const fromUnknownKeys = (
  path: Path,
  keys: readonly string[],
  known: readonly string[],
): Mistake[] =>
  keys.map((key) => {
    const meant = nearest(key, known)
    const hint = meant === null ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`
    return { path: [...path, key], message: `is not a known key; ${hint}`, ofKey: true }
  })

/** Of the forms of a value, takes the first whose type fits as a whole. */
const fromUnion = (path: Path, issue: z.core.$ZodIssueInvalidUnion): Mistake[] => {
  const meant = issue.errors.find((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  )
  return meant === undefined
    ? [{ path, message: `must be ${issue.message}` }]
    : meant.flatMap((inner) => toMistakes(inner, path))
}

/** Converts a zod issue to mistakes, each at its own path. */
export const toMistakes = (issue: z.core.$ZodIssue, base: Path = []): Mistake[] => {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return fromUnknownKeys(path, issue.keys, issue.message.split(' '))
  if (issue.code === 'invalid_union') return fromUnion(path, issue)
  const expected = issue.message.startsWith('Invalid input: expected object')
    ? 'a mapping of keys to values'
    : issue.message
  return [{ path, message: `must be ${expected}`, silent: expected.includes('secret') }]
}
