import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  judge,
  parsePolicy,
  type AuthorizationRequest,
  type Verdict,
} from '../../local/aws/index.ts'

// Over small alphabets, so that statements and requests meet often.

const services = ['dynamodb', 'ssm']
const names = ['GetItem', 'PutItem']
const actions = services.flatMap((service) => names.map((name) => `${service}:${name}`))
const resources = ['a', 'b'].map((name) => `arn:aws:dynamodb:eu-west-3:000000000000:table/${name}`)
const keys = ['app#a', 'app#b', 'head#a']

const actionPatterns = [...actions, '*', 'dynamodb:*', 'ssm:Get*', 'ssm:?utItem']
const resourcePatterns = [...resources, '*', 'arn:aws:dynamodb:*:*:table/?']
const keyPatterns = [...keys, '*', 'app#*', '?????#a']

const some = <Value>(values: readonly Value[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })

const arbCondition = fc.option(
  fc.record({
    operator: fc.constantFrom(
      'ForAllValues:StringLike',
      'ForAnyValue:StringLike',
      'ForAnyValue:StringEquals',
      'ForAllValues:StringEqualsIfExists',
    ),
    values: some(keyPatterns),
  }),
)

const arbStatement = fc
  .record({
    Effect: fc.constantFrom('Allow', 'Deny'),
    Action: some(actionPatterns),
    Resource: some(resourcePatterns),
    condition: arbCondition,
  })
  .map(({ condition, ...statement }) => ({
    ...statement,
    ...(condition !== null && {
      Condition: { [condition.operator]: { 'dynamodb:LeadingKeys': condition.values } },
    }),
  }))

const arbRequest: fc.Arbitrary<AuthorizationRequest> = fc.record({
  action: fc.constantFrom(...actions),
  resource: fc.constantFrom(...resources),
  context: fc
    .option(fc.subarray(keys))
    .map((values): AuthorizationRequest['context'] =>
      values === null ? new Map() : new Map([['dynamodb:leadingkeys', values]]),
    ),
})

type Statement = typeof arbStatement extends fc.Arbitrary<infer Value> ? Value : never

const decide = (statements: readonly Statement[], request: AuthorizationRequest): Verdict['kind'] =>
  judge(parsePolicy('any', { Version: '2012-10-17', Statement: statements }), request).kind

const arbPolicy = fc.array(arbStatement, { maxLength: 4 })
const effect = (Effect: 'Allow' | 'Deny') =>
  arbStatement.map((statement) => ({ ...statement, Effect }))

const check = <Values extends [unknown, ...unknown[]]>(
  property: fc.IPropertyWithHooks<Values>,
): void => fc.assert(property, { numRuns: 200 })

describe('the verdict on any policy and any request', () => {
  it('is never more permissive for one more Deny', () => {
    check(
      fc.property(arbPolicy, effect('Deny'), arbRequest, (policy, deny, request) => {
        if (decide([...policy, deny], request) === 'allowed')
          expect(decide(policy, request)).toBe('allowed')
      }),
    )
  })

  it('is never stricter for one more Allow', () => {
    check(
      fc.property(arbPolicy, effect('Allow'), arbRequest, (policy, allow, request) => {
        if (decide(policy, request) === 'allowed')
          expect(decide([...policy, allow], request)).toBe('allowed')
      }),
    )
  })

  it('does not depend on the order of the statements', () => {
    check(
      fc.property(arbPolicy, arbRequest, (policy, request) => {
        expect(decide(policy.toReversed(), request)).toBe(decide(policy, request))
      }),
    )
  })

  it('allows nothing where no statement is an Allow', () => {
    check(
      fc.property(fc.array(effect('Deny'), { maxLength: 4 }), arbRequest, (policy, request) => {
        expect(decide(policy, request)).not.toBe('allowed')
      }),
    )
  })

  it('is the same for one statement with two actions as for two with one each', () => {
    check(
      fc.property(arbPolicy, arbStatement, arbRequest, (policy, statement, request) => {
        const split = statement.Action.map((action) => ({ ...statement, Action: [action] }))
        expect(decide([...policy, ...split], request)).toBe(decide([...policy, statement], request))
      }),
    )
  })
})
