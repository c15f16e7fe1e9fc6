import * as z from 'zod'
import { parseCondition, type Condition, type Context } from './condition.ts'
import { PolicyError, toArnMatcher, toMatcher, type Matcher } from './pattern.ts'

const Texts = z.union([z.array(z.string()).min(1), z.string().transform((one) => [one])])

/** Strict: an element that is not listed (NotAction, Principal …) is one that this evaluator does not know. */
const PolicyStatement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: Texts,
  Resource: Texts,
  Condition: z.record(z.string(), z.record(z.string(), Texts)).default({}),
})

const PolicyDocument = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z.preprocess(
    (value: unknown): unknown => (Array.isArray(value) ? value : [value]),
    z.array(PolicyStatement),
  ),
})

interface Pattern {
  readonly text: string
  readonly matches: Matcher
}

export interface Statement {
  /** `webhook[2]`, or by its Sid: `reconcile OurDocuments`. */
  readonly name: string
  readonly effect: 'Allow' | 'Deny'
  readonly actions: readonly Pattern[]
  readonly resources: readonly Pattern[]
  readonly conditions: readonly Condition[]
}

/** What one action does to one resource; a call that touches several has a request for each. */
export interface AuthorizationRequest {
  /** `dynamodb:PutItem` */
  readonly action: string
  /** An ARN; `*` for an action that names no resource. */
  readonly resource: string
  readonly context: Context
  /** How an error names the resource, where that is not its ARN. */
  readonly named?: string
}

/** What has to be allowed for a call with this input. Throws where the input is not one that it knows. */
export type ToRequests = (input: unknown) => readonly AuthorizationRequest[]

export type Verdict =
  | { readonly kind: 'allowed'; readonly by: readonly Statement[] }
  | { readonly kind: 'denied_explicitly'; readonly by: Statement }
  | { readonly kind: 'denied_by_default' }

const toActionPattern = (text: string): Pattern => {
  if (text !== '*' && !/^[a-z0-9-]+:[A-Za-z0-9*?]+$/i.test(text))
    throw new PolicyError(`"${text}" is no action`)
  return { text, matches: toMatcher(text, 'i') }
}

const toStatement = (name: string, statement: z.infer<typeof PolicyStatement>): Statement => ({
  name,
  effect: statement.Effect,
  actions: statement.Action.map(toActionPattern),
  resources: statement.Resource.map((text) => ({ text, matches: toArnMatcher(text) })),
  conditions: Object.entries(statement.Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => parseCondition(operator, key, values)),
  ),
})

/**
 * A policy with its intrinsic functions resolved, made ready to judge many requests.
 *
 * @throws PolicyError where it has anything that this evaluator does not know: it would judge wrongly
 */
export const parsePolicy = (name: string, document: unknown): readonly Statement[] => {
  const parsed = PolicyDocument.safeParse(document)
  if (!parsed.success)
    throw new PolicyError(`the policy ${name} is not known: ${z.prettifyError(parsed.error)}`)
  return parsed.data.Statement.map((statement, index) => {
    const own = statement.Sid === undefined ? `${name}[${index}]` : `${name} ${statement.Sid}`
    try {
      return toStatement(own, statement)
    } catch (error) {
      if (error instanceof PolicyError) throw new PolicyError(`${own}: ${error.message}`)
      throw error
    }
  })
}

const applies = (statement: Statement, { action, resource, context }: AuthorizationRequest) =>
  statement.actions.some(({ matches }) => matches(action)) &&
  statement.resources.some(({ matches }) => matches(resource)) &&
  statement.conditions.every(({ holds }) => holds(context))

/** IAM's rule: a Deny that applies wins, then any Allow; where neither applies it is denied. */
export const judge = (statements: readonly Statement[], request: AuthorizationRequest): Verdict => {
  const applying = statements.filter((statement) => applies(statement, request))
  const deny = applying.find(({ effect }) => effect === 'Deny')
  if (deny !== undefined) return { kind: 'denied_explicitly', by: deny }
  return applying.length > 0 ? { kind: 'allowed', by: applying } : { kind: 'denied_by_default' }
}
