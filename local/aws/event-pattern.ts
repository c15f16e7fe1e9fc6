import * as z from 'zod'

/** An event as EventBridge hands it to a target. */
export const AwsEvent = z.object({
  version: z.string(),
  id: z.string(),
  'detail-type': z.string(),
  source: z.string(),
  account: z.string(),
  time: z.string(),
  region: z.string(),
  resources: z.array(z.string()),
  detail: z.record(z.string(), z.unknown()),
})
export type AwsEvent = z.infer<typeof AwsEvent>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

const compare = (left: number, operator: unknown, right: number): boolean => {
  if (operator === '=') return left === right
  if (operator === '<') return left < right
  if (operator === '<=') return left <= right
  if (operator === '>') return left > right
  return operator === '>=' && left >= right
}

const matchNumeric = (terms: readonly unknown[], value: unknown): boolean =>
  typeof value === 'number' &&
  terms.every((term, index) => index % 2 === 1 || compare(value, term, Number(terms[index + 1])))

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

const matchWildcard = (pattern: string, value: string): boolean =>
  new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's').test(value)

const matchText = (key: string, expected: unknown, value: unknown): boolean => {
  if (typeof value !== 'string' || typeof expected !== 'string') return false
  if (key === 'prefix') return value.startsWith(expected)
  if (key === 'suffix') return value.endsWith(expected)
  if (key === 'equals-ignore-case') return value.toLowerCase() === expected.toLowerCase()
  return key === 'wildcard' && matchWildcard(expected, value)
}

/** One condition of a leaf against one value of the event; `undefined` stands for an absent field. */
const matchCondition = (condition: unknown, value: unknown): boolean => {
  if (!isObject(condition)) return value === condition
  const [key, expected] = Object.entries(condition)[0] ?? []
  if (key === undefined) return false
  if (key === 'exists') return (value !== undefined) === expected
  if (value === undefined) return false
  if (key === 'anything-but')
    return !toList(expected).some((excluded) => matchCondition(excluded, value))
  if (key === 'numeric') return matchNumeric(toList(expected), value)
  return toList(expected).some((text) => matchText(key, text, value))
}

const matchLeaf = (conditions: readonly unknown[], value: unknown): boolean => {
  const values = Array.isArray(value) && value.length > 0 ? toList(value) : [value]
  return values.some((one) => conditions.some((condition) => matchCondition(condition, one)))
}

/**
 * Whether EventBridge would hand `event` to a rule with this pattern: all keys must match, a list is
 * "any of", `$or` any of its alternatives. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
 */
export const matchPattern = (pattern: unknown, event: unknown): boolean => {
  if (!isObject(pattern)) return false
  return Object.entries(pattern).every(([key, expected]) => {
    if (key === '$or') return toList(expected).some((branch) => matchPattern(branch, event))
    const value = isObject(event) ? event[key] : undefined
    return Array.isArray(expected) ? matchLeaf(expected, value) : matchPattern(expected, value)
  })
}
