import type { Account } from '../account.ts'
import { toArn } from '../account.ts'

export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
}

export type Resources = Readonly<Record<string, Resource>>

type Resolve = (value: unknown) => unknown

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const toText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''

/** The property that holds a resource's physical name, where it has one. */
const nameProperties = ['FunctionName', 'TableName', 'QueueName', 'RoleName', 'Name'] as const

const arnForms: Readonly<Record<string, readonly [service: string, prefix: string]>> = {
  'AWS::Lambda::Function': ['lambda', 'function:'],
  'AWS::DynamoDB::Table': ['dynamodb', 'table/'],
  'AWS::SQS::Queue': ['sqs', ''],
  'AWS::Events::Rule': ['events', 'rule/'],
  'AWS::SSM::Document': ['ssm', 'document/'],
  'AWS::IAM::Role': ['iam', 'role/'],
}

const substitute = (argument: unknown, resolve: Resolve): string => {
  const [text, own] = Array.isArray(argument) ? toList(argument) : [argument, {}]
  const values = isObject(own) ? own : {}
  return toText(text).replace(/\$\{([^!][^}]*)\}/g, (_match, name: string) => {
    if (Object.hasOwn(values, name)) return toText(resolve(values[name]))
    const [logicalId, attribute] = name.split('.')
    if (attribute !== undefined) return toText(resolve({ 'Fn::GetAtt': [logicalId, attribute] }))
    return toText(resolve({ Ref: name }))
  })
}

const toPseudoParameters = (
  account: Account,
  stackName: string,
): Readonly<Record<string, string>> => ({
  'AWS::Region': account.region,
  'AWS::AccountId': account.id,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
  'AWS::StackName': stackName,
})

const createLogic = (
  resolve: Resolve,
  conditions: Readonly<Record<string, unknown>>,
): Readonly<Record<string, (argument: unknown) => unknown>> => ({
  'Fn::Not': (argument) => resolve(toList(argument)[0]) !== true,
  'Fn::Equals': (argument) => {
    const [one, other] = toList(resolve(argument))
    return one === other
  },
  'Fn::If': (argument) => {
    const [name, yes, no] = toList(argument)
    return resolve(resolve(conditions[toText(name)]) === true ? yes : no)
  },
})

/** The intrinsic functions that a packaged template uses, with values of the local account. */
export const createResolver = (
  account: Account,
  stackName: string,
  resources: Resources,
  conditions: Readonly<Record<string, unknown>> = {},
): Resolve => {
  const pseudo = toPseudoParameters(account, stackName)
  const toName = (logicalId: string): string => {
    const resource = resources[logicalId]
    const property = nameProperties.find((name) => resource?.Properties[name] !== undefined)
    return property === undefined ? logicalId : toText(resolve(resource?.Properties[property]))
  }
  const toAttribute = (logicalId: string, attribute: string): string => {
    const [service, prefix] = arnForms[resources[logicalId]?.Type ?? ''] ?? ['local', '']
    if (attribute !== 'Arn') return logicalId
    const place = service === 'iam' ? { ...account, region: '' } : account
    return toArn(place, service, prefix + toName(logicalId))
  }
  const functions: Readonly<Record<string, (argument: unknown) => unknown>> = {
    Ref: (name) =>
      name === 'AWS::NoValue' ? undefined : (pseudo[toText(name)] ?? toName(toText(name))),
    'Fn::GetAtt': (argument) => {
      const [id, attribute] = Array.isArray(argument)
        ? toList(argument)
        : toText(argument).split('.')
      return toAttribute(toText(id), toText(attribute))
    },
    'Fn::Sub': (argument) => substitute(argument, resolve),
    'Fn::Join': (argument) => {
      const [separator, parts] = toList(argument)
      return toList(resolve(parts)).map(toText).join(toText(separator))
    },
    'Fn::Split': (argument) => {
      const [separator, text] = toList(argument)
      return toText(resolve(text)).split(toText(separator))
    },
    ...createLogic((value) => resolve(value), conditions),
    'Fn::Select': (argument) => {
      const [index, list] = toList(argument)
      return toList(resolve(list))[Number(index)]
    },
  }
  const resolve: Resolve = (value) => {
    if (Array.isArray(value)) return value.map(resolve)
    if (!isObject(value)) return value
    const [name, ...others] = Object.keys(value)
    const act = name === undefined || others.length > 0 ? undefined : functions[name]
    if (act && name !== undefined) return act(value[name])
    // A property that resolves to AWS::NoValue is one that is not there.
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, field]) => [key, resolve(field)] as const)
        .filter(([, field]) => field !== undefined),
    )
  }
  return resolve
}
