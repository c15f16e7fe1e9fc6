/** GitHub's filter patterns: `**` crosses slashes, `*` does not, `!` takes back. CircleCI's are names or `/regex/`. */
const toPattern = (glob: string): RegExp => {
  const source = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('**', '\0')
    .replaceAll('*', '[^/]*')
    .replaceAll('\0', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`)
}

const asRegex = (pattern: string): RegExp | null => {
  const source = /^\/(.*)\/$/.exec(pattern)?.[1]
  if (source === undefined) return null
  try {
    return new RegExp(`^(${source})$`)
  } catch {
    return null
  }
}

/** The last pattern that matches decides. */
export const matchesBranch = (patterns: readonly string[], branch: string): boolean =>
  patterns.reduce((isMatched, pattern) => {
    if (pattern.startsWith('!')) return isMatched && !toPattern(pattern.slice(1)).test(branch)
    return isMatched || (asRegex(pattern) ?? toPattern(pattern)).test(branch)
  }, false)

/** A text, or a list of texts; all else is none. */
export const toTexts = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
