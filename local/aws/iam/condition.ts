import { PolicyError, toArnMatcher, toMatcher, type Matcher } from './pattern.ts'

/** The condition keys of one request, in lower case, because IAM does not distinguish case in their names. */
export type Context = ReadonlyMap<string, readonly string[]>

/** One key of one operator: `ForAllValues:StringLike: { 'dynamodb:LeadingKeys': ['head#*'] }`. */
export interface Condition {
  readonly key: string
  /** What the policy names. */
  readonly values: readonly string[]
  readonly holds: (context: Context) => boolean
  /** Those of `values` by which a request's values match. */
  readonly matched: (context: Context) => readonly string[]
}

/** `one`: a request has one value or none. `many`: a list, which only a set operator compares. */
type Cardinality = 'one' | 'many'

/** The keys that requests of the local stack carry (requests.ts); a name that ends in `/` begins many. */
const knownKeys: Readonly<Record<string, readonly Cardinality[]>> = {
  'dynamodb:leadingkeys': ['many'],
  'ssm:resourcetag/': ['one'],
  // An array for PutRule; each entry of PutEvents is judged by itself and has one.
  'events:source': ['one', 'many'],
  'kms:viaservice': ['one'],
  'aws:sourcearn': ['one'],
  'aws:sourceaccount': ['one'],
}

const operators: Readonly<Record<string, (value: string) => Matcher>> = {
  StringEquals: (value) => (asked) => asked === value,
  StringLike: (value) => toMatcher(value),
  ArnEquals: (value) => toArnMatcher(value),
  ArnLike: (value) => toArnMatcher(value),
}

const toCardinalities = (key: string): readonly Cardinality[] => {
  const known = Object.entries(knownKeys).find(([name]) =>
    name.endsWith('/') ? key.startsWith(name) : key === name,
  )
  if (known === undefined) throw new PolicyError(`the condition key ${key} is not known`)
  return known[1]
}

const checkCardinality = (operator: string, key: string, asked: Cardinality): void => {
  if (toCardinalities(key).includes(asked)) return
  const need = asked === 'one' ? 'needs' : 'takes no'
  throw new PolicyError(`${operator}: ${key} ${need} ForAllValues: or ForAnyValue:`)
}

const toNull = (key: string, values: readonly string[]): Condition => {
  toCardinalities(key)
  const [value] = values
  if (values.length !== 1 || (value !== 'true' && value !== 'false'))
    throw new PolicyError(`Null: ${key} takes true or false`)
  const isThere = (context: Context): boolean => (context.get(key) ?? []).length > 0
  const holds = (context: Context): boolean => isThere(context) === (value === 'false')
  return { key, values, holds, matched: (context) => (holds(context) ? values : []) }
}

const setOperators = {
  ForAllValues: (asked: readonly string[], matches: Matcher) => asked.every(matches),
  ForAnyValue: (asked: readonly string[], matches: Matcher) => asked.some(matches),
}

const isSetOperator = (name: string | undefined): name is keyof typeof setOperators =>
  name !== undefined && Object.hasOwn(setOperators, name)

/**
 * One operator and one key of a policy's `Condition`. A request without the key fails the condition,
 * save by `ForAllValues:` (all of no values match) and by `…IfExists`.
 *
 * @throws PolicyError where operator or key are not known
 */
export const parseCondition = (
  operator: string,
  name: string,
  values: readonly string[],
): Condition => {
  const key = name.toLowerCase()
  if (operator === 'Null') return toNull(key, values)
  const [, set, base = '', suffix] =
    /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? []
  const toTest = Object.hasOwn(operators, base) ? operators[base] : undefined
  if (toTest === undefined) throw new PolicyError(`the condition operator ${operator} is not known`)
  checkCardinality(operator, key, set === undefined ? 'one' : 'many')
  const tests = values.map((value) => ({ value, matches: toTest(value) }))
  const matchesAny: Matcher = (asked) => tests.some(({ matches }) => matches(asked))
  const compare = setOperators[isSetOperator(set) ? set : 'ForAnyValue']
  return {
    key,
    values,
    holds: (context) => {
      const asked = context.get(key)
      if (asked === undefined) return set === 'ForAllValues' || suffix !== undefined
      return compare(asked, matchesAny)
    },
    matched: (context) =>
      tests
        .filter(({ matches }) => (context.get(key) ?? []).some(matches))
        .map(({ value }) => value),
  }
}
