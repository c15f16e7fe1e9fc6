import { describe, expect, it } from 'vitest'
import { judge, parsePolicy, type Verdict } from '../../local/aws/index.ts'

// Known answers: the policies are the examples of AWS's user guides (IAM: "policy elements" and "policy
// evaluation logic"; Systems Manager: "setting up Run Command"; DynamoDB: "conditions for fine-grained
// access control"), the verdicts are what these pages say of them.

const here = 'us-east-2:123456789012'

const policyOf = (...statements: readonly object[]) =>
  parsePolicy('example', {
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', Resource: '*', ...statement })),
  })

type Keys = Readonly<Record<string, readonly string[]>>

const ask = (
  statements: ReturnType<typeof policyOf>,
  action: string,
  resource = '*',
  keys: Keys = {},
): Verdict['kind'] =>
  judge(statements, {
    action,
    resource,
    context: new Map(Object.entries(keys).map(([key, values]) => [key.toLowerCase(), values])),
  }).kind

describe('a policy', () => {
  it('denies what no statement allows', () => {
    expect(ask(policyOf(), 'ec2:DescribeInstances')).toBe('denied_by_default')
    const policy = policyOf({ Action: 'ec2:DescribeInstances' })
    expect(ask(policy, 'ec2:RunInstances')).toBe('denied_by_default')
    expect(ask(policy, 'ec2:DescribeInstances')).toBe('allowed')
  })

  it.each([{ first: 'Allow' }, { first: 'Deny' }])(
    'denies what is allowed and denied, with $first first',
    ({ first }) => {
      const allow = { Action: 'dynamodb:*' }
      const deny = { Effect: 'Deny', Action: 'dynamodb:DeleteTable' }
      const policy = first === 'Allow' ? policyOf(allow, deny) : policyOf(deny, allow)
      expect(ask(policy, 'dynamodb:DeleteTable')).toBe('denied_explicitly')
      expect(ask(policy, 'dynamodb:PutItem')).toBe('allowed')
    },
  )

  it('compares actions without case, and resources with it', () => {
    const user = 'arn:aws:iam::123456789012:user/Bob'
    const policy = policyOf({ Action: 'IAM:listaccesskeys', Resource: user })
    expect(ask(policy, 'iam:ListAccessKeys', user)).toBe('allowed')
    expect(ask(policy, 'iam:ListAccessKeys', user.toLowerCase())).toBe('denied_by_default')
  })

  it('takes * for any characters and ? for one', () => {
    const keys = policyOf({ Action: 'iam:*AccessKey*' })
    for (const name of ['CreateAccessKey', 'DeleteAccessKey', 'ListAccessKeys', 'UpdateAccessKey'])
      expect(ask(keys, `iam:${name}`), name).toBe('allowed')
    expect(ask(keys, 'iam:ListUsers')).toBe('denied_by_default')
    const secret = `arn:aws:secretsmanager:${here}:secret:landfall/prod/github`
    const read = policyOf({ Action: 'secretsmanager:GetSecretValue', Resource: `${secret}-??????` })
    const asked = (suffix: string) =>
      ask(read, 'secretsmanager:GetSecretValue', `${secret}${suffix}`)
    expect(asked('-a1B2c3')).toBe('allowed')
    for (const suffix of ['', '-a1B2c', '-a1B2c3d', '-token-a1B2c3'])
      expect(asked(suffix), suffix).toBe('denied_by_default')
  })

  it('lets a wildcard stand for colons and slashes in the resource, and not across the parts before it', () => {
    const group = `arn:aws:logs:${here}:log-group:/aws/lambda/webhook`
    const logs = policyOf({ Action: 'logs:PutLogEvents', Resource: `${group}:*` })
    expect(ask(logs, 'logs:PutLogEvents', `${group}:log-stream:2026/11/30/[$LATEST]a`)).toBe(
      'allowed',
    )
    const queue = policyOf({ Action: 'sqs:*', Resource: 'arn:aws:sqs:*:123456789012:a' })
    expect(ask(queue, 'sqs:SendMessage', `arn:aws:sqs:${here}:a`)).toBe('allowed')
    const elsewhere = 'arn:aws:sqs:us-east-2:999999999999:123456789012:a'
    expect(ask(queue, 'sqs:SendMessage', elsewhere)).toBe('denied_by_default')
  })

  it('takes no character of a name for a regular expression', () => {
    const table = `arn:aws:dynamodb:${here}:table/a.b+(c)`
    const policy = policyOf({ Action: 'dynamodb:GetItem', Resource: table })
    expect(ask(policy, 'dynamodb:GetItem', table)).toBe('allowed')
    expect(ask(policy, 'dynamodb:GetItem', table.replace('a.b', 'axb'))).toBe('denied_by_default')
  })

  it('names the statements that decided', () => {
    const document = `arn:aws:ssm:${here}:document/a`
    const policy = parsePolicy('reconcile', {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'ssm:CancelCommand', Resource: '*' },
        { Sid: 'Documents', Effect: 'Allow', Action: 'ssm:*', Resource: document },
        { Effect: 'Deny', Action: 'ssm:SendCommand', Resource: `${document}b` },
      ],
    })
    const context = new Map<string, readonly string[]>()
    const allowed = judge(policy, { action: 'ssm:SendCommand', resource: document, context })
    expect(allowed).toMatchObject({ kind: 'allowed', by: [{ name: 'reconcile Documents' }] })
    const denied = judge(policy, { action: 'ssm:SendCommand', resource: `${document}b`, context })
    expect(denied).toMatchObject({ kind: 'denied_explicitly', by: { name: 'reconcile[2]' } })
  })
})

describe('a condition', () => {
  const tagged = (tags: Readonly<Record<string, string>>): Keys =>
    Object.fromEntries(
      Object.entries(tags).map(([key, value]) => [`ssm:resourceTag/${key}`, [value]]),
    )
  const instance = `arn:aws:ec2:${here}:instance/i-02573cafcfEXAMPLE`

  it('holds where all its keys do, and each by one of its values', () => {
    const policy = policyOf({
      Action: 'ssm:SendCommand',
      Resource: `arn:aws:ec2:${here}:instance/*`,
      Condition: {
        StringEquals: {
          'ssm:resourceTag/Finance': ['WebServers', 'Databases'],
          'ssm:resourceTag/Stage': 'prod',
        },
      },
    })
    const asked = (tags: Readonly<Record<string, string>>) =>
      ask(policy, 'ssm:SendCommand', instance, tagged(tags))
    expect(asked({ Finance: 'WebServers', Stage: 'prod' })).toBe('allowed')
    expect(asked({ Finance: 'Databases', Stage: 'prod' })).toBe('allowed')
    expect(asked({ Finance: 'webservers', Stage: 'prod' })).toBe('denied_by_default')
    expect(asked({ Finance: 'WebServers', Stage: 'dev' })).toBe('denied_by_default')
    expect(asked({ Finance: 'WebServers' })).toBe('denied_by_default')
    expect(asked({})).toBe('denied_by_default')
  })

  it('compares the names of keys without case, and their values with it', () => {
    const Condition = { StringLike: { 'SSM:RESOURCETAG/stage': 'pro?' } }
    const policy = policyOf({ Action: 'ssm:SendCommand', Condition })
    expect(ask(policy, 'ssm:SendCommand', instance, tagged({ stage: 'prod' }))).toBe('allowed')
    expect(ask(policy, 'ssm:SendCommand', instance, tagged({ stage: 'Prod' }))).toBe(
      'denied_by_default',
    )
  })

  it('StringEquals takes * and ? as they are', () => {
    const Condition = { StringEquals: { 'ssm:resourceTag/stage': '*' } }
    const policy = policyOf({ Action: 'ssm:SendCommand', Condition })
    expect(ask(policy, 'ssm:SendCommand', instance, tagged({ stage: 'prod' }))).toBe(
      'denied_by_default',
    )
  })

  const leading = (operator: string, ...values: readonly string[]) =>
    policyOf({
      Action: 'dynamodb:*',
      Condition: { [operator]: { 'dynamodb:LeadingKeys': values } },
    })
  const keys = (...values: readonly string[]): Keys => ({ 'dynamodb:LeadingKeys': values })

  it('ForAllValues: holds where every value of the request matches one of the policy', () => {
    const policy = leading('ForAllValues:StringLike', 'app#*', 'delivery#*')
    const asked = (given: Keys) => ask(policy, 'dynamodb:BatchGetItem', '*', given)
    expect(asked(keys('app#a', 'delivery#1'))).toBe('allowed')
    expect(asked(keys('app#a', 'head#a'))).toBe('denied_by_default')
  })

  it('ForAllValues: holds for a request without the key, or without a value', () => {
    const policy = leading('ForAllValues:StringEquals', 'app#a')
    expect(ask(policy, 'dynamodb:Scan')).toBe('allowed')
    expect(ask(policy, 'dynamodb:Query', '*', keys())).toBe('allowed')
  })

  it('ForAnyValue: holds where one value of the request matches, and not where there is none', () => {
    const policy = leading('ForAnyValue:StringLike', 'head#*')
    const asked = (given: Keys) => ask(policy, 'dynamodb:BatchGetItem', '*', given)
    expect(asked(keys('app#a', 'head#a'))).toBe('allowed')
    expect(asked(keys('app#a'))).toBe('denied_by_default')
    expect(asked(keys())).toBe('denied_by_default')
    expect(asked({})).toBe('denied_by_default')
  })

  it('a Deny by ForAnyValue: stops a request that touches one forbidden item', () => {
    const policy = [
      ...policyOf({ Action: 'dynamodb:*' }),
      ...policyOf({
        Effect: 'Deny',
        Action: 'dynamodb:*',
        Condition: { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': 'instance#*' } },
      }),
    ]
    expect(ask(policy, 'dynamodb:BatchGetItem', '*', keys('app#a', 'instance#i-1'))).toBe(
      'denied_explicitly',
    )
    expect(ask(policy, 'dynamodb:BatchGetItem', '*', keys('app#a'))).toBe('allowed')
  })

  it('…IfExists holds for a request without the key', () => {
    const Condition = { StringEqualsIfExists: { 'kms:ViaService': 'secretsmanager.amazonaws.com' } }
    const policy = policyOf({ Action: 'kms:Decrypt', Condition })
    const asked = (given: Keys) => ask(policy, 'kms:Decrypt', '*', given)
    expect(asked({})).toBe('allowed')
    expect(asked({ 'kms:ViaService': ['secretsmanager.amazonaws.com'] })).toBe('allowed')
    expect(asked({ 'kms:ViaService': ['s3.amazonaws.com'] })).toBe('denied_by_default')
  })

  it('Null tells whether the key is there', () => {
    const policy = (value: string) =>
      policyOf({ Action: 'kms:Decrypt', Condition: { Null: { 'kms:ViaService': value } } })
    const there = { 'kms:ViaService': ['secretsmanager.amazonaws.com'] }
    expect(ask(policy('false'), 'kms:Decrypt', '*', there)).toBe('allowed')
    expect(ask(policy('false'), 'kms:Decrypt')).toBe('denied_by_default')
    expect(ask(policy('true'), 'kms:Decrypt')).toBe('allowed')
    expect(ask(policy('true'), 'kms:Decrypt', '*', there)).toBe('denied_by_default')
  })

  it('Null beside ForAllValues: stops a request whose list of values is empty', () => {
    const policy = policyOf({
      Action: 'dynamodb:BatchGetItem',
      Condition: {
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'app#*' },
        Null: { 'dynamodb:LeadingKeys': 'false' },
      },
    })
    const asked = (given: Keys) => ask(policy, 'dynamodb:BatchGetItem', '*', given)
    expect(asked(keys('app#a'))).toBe('allowed')
    expect(asked(keys())).toBe('denied_by_default')
    expect(asked({})).toBe('denied_by_default')
  })

  it.each(['ArnLike', 'ArnEquals'])(
    '%s compares an ARN part by part, with wildcards',
    (operator) => {
      const rule = `arn:aws:events:${here}:rule/landfall-prod-alarm-rule-1`
      const policy = (pattern: string) =>
        policyOf({
          Action: 'sqs:SendMessage',
          Condition: { [operator]: { 'aws:SourceArn': pattern } },
        })
      const asked = (pattern: string) =>
        ask(policy(pattern), 'sqs:SendMessage', '*', { 'aws:SourceArn': [rule] })
      expect(asked(rule)).toBe('allowed')
      expect(asked('arn:aws:events:*:*:rule/landfall-prod-*')).toBe('allowed')
      expect(asked('arn:aws:*:123456789012:*:rule/landfall-prod-*')).toBe('denied_by_default')
      expect(asked('arn:aws:events:*:*:rule/landfall-dev-*')).toBe('denied_by_default')
    },
  )
})

describe('a policy is refused when it is loaded', () => {
  const statement = { Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: '*' }
  const document = (more: object) => ({
    Version: '2012-10-17',
    Statement: [{ ...statement, ...more }],
  })
  const condition = (operator: string, key: string, value = 'x') =>
    document({ Condition: { [operator]: { [key]: value } } })
  const table = 'arn:aws:dynamodb:*:*:table/x'

  it.each([
    ['an element', document({ NotAction: 'iam:*' }), 'NotAction'],
    ['a principal', document({ Principal: '*' }), 'Principal'],
    ['an effect', document({ Effect: 'allow' }), 'Effect'],
    ['another version', { Version: '2008-10-17', Statement: [statement] }, 'Version'],
    ['no action', document({ Action: [] }), 'Action'],
    ['no name of an action', document({ Action: 'GetItem' }), '"GetItem" is no action'],
    ['no ARN', document({ Resource: 'table/x' }), '"table/x" is neither an ARN nor *'],
    ['half an ARN', document({ Resource: 'arn:aws:dynamodb:x' }), 'is neither an ARN nor *'],
    ['a variable', document({ Resource: `${table}/\${aws:username}` }), 'has a policy variable'],
    ['an operator', condition('NumericLessThan', 'events:source'), 'NumericLessThan is not known'],
    ['a set operator', condition('ForSomeValues:StringLike', 'events:source'), 'is not known'],
    ['a key', condition('StringEquals', 'aws:SourceIp'), 'the condition key aws:sourceip'],
    [
      'a list of values under a plain operator',
      condition('StringLike', 'dynamodb:LeadingKeys'),
      'dynamodb:leadingkeys needs ForAllValues: or ForAnyValue:',
    ],
    [
      'one value under a set operator',
      condition('ForAllValues:StringLike', 'kms:ViaService'),
      'kms:viaservice takes no ForAllValues: or ForAnyValue:',
    ],
    ['another value of Null', condition('Null', 'kms:ViaService', 'no'), 'takes true or false'],
  ])('that has %s which the evaluator does not know', (_what, policy, message) => {
    expect(() => parsePolicy('webhook', policy)).toThrow(message)
    expect(() => parsePolicy('webhook', policy)).toThrow('webhook')
  })
})
