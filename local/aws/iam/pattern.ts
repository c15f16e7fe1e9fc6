/** A policy says something that this evaluator does not know, or AWS would not take. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PolicyError'
  }
}

export type Matcher = (text: string) => boolean

const toSource = (pattern: string): string =>
  pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '[^]*')
    .replaceAll('?', '[^]')

/** `*` stands for any characters and `?` for one. Policy variables (`${aws:username}`) are not known. */
export const toMatcher = (pattern: string, flags = ''): Matcher => {
  if (pattern.includes('${')) throw new PolicyError(`"${pattern}" has a policy variable`)
  const expression = new RegExp(`^${toSource(pattern)}$`, flags)
  return (text) => expression.test(text)
}

/** An ARN has five parts that end in a colon; what follows is the resource, with colons of its own. */
const toParts = (arn: string): readonly string[] => {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

/**
 * Compares ARNs part by part, so that a wildcard in one does not reach into the next, and in the resource
 * it does.
 */
export const toArnMatcher = (pattern: string): Matcher => {
  if (pattern === '*') return () => true
  const parts = toParts(pattern)
  if (parts[0] !== 'arn' || parts.length !== 6 || parts[5] === '')
    throw new PolicyError(`"${pattern}" is neither an ARN nor *`)
  const matchers = parts.map((part) => toMatcher(part))
  return (arn) => {
    const asked = toParts(arn)
    return matchers.every((matches, index) => matches(asked[index] ?? ''))
  }
}
