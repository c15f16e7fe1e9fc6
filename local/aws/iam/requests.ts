import * as z from 'zod'
import { toArn, type Account } from '../account.ts'
import type { Fleet } from '../fleet.ts'
import type { Context } from './condition.ts'
import type { AuthorizationRequest, ToRequests } from './policy.ts'
import { createTableRequests, type TableKeys } from './table-requests.ts'

/** What IAM is told of the things that a call names. */
export interface RequestFacts {
  readonly account: Account
  readonly fleet: Fleet
  readonly tables: TableKeys
  /** The ARN and the customer's key of a secret; null where there is none. */
  readonly findSecret: (
    id: string,
  ) => { readonly arn: string; readonly keyArn?: string | undefined } | null
}

const none: Context = new Map()

/** Actions that name no resource: a policy allows them on `*`. */
const onAnything = (...actions: readonly string[]): Readonly<Record<string, ToRequests>> =>
  Object.fromEntries(
    actions.map((action) => [
      action.replace(':', ' '),
      () => [{ action, resource: '*', context: none }],
    ]),
  )

/** By ids alone, as Landfall sends. */
const SendCommand = z.looseObject({
  DocumentName: z.string(),
  InstanceIds: z.array(z.string()).min(1),
  Targets: z.tuple([]).optional(),
})
const SecretId = z.looseObject({ SecretId: z.string() })
const PutEvents = z.looseObject({
  Entries: z.array(
    z.looseObject({ Source: z.string(), EventBusName: z.string().default('default') }),
  ),
})
const OfFunction = z.object({ name: z.string(), qualifier: z.string().nullable() })

const isArn = (text: string): boolean => text.startsWith('arn:')

const toInstanceRequest = ({ account, fleet }: RequestFacts, id: string): AuthorizationRequest => {
  const tags = fleet.get(id)?.instance.tags ?? []
  // The local fleet has keys twice; a condition is asked about the first.
  const context = tags
    .toReversed()
    .map(({ key, value }) => [`ssm:resourcetag/${key.toLowerCase()}`, [value]] as const)
  const resource = id.startsWith('mi-')
    ? toArn(account, 'ssm', `managed-instance/${id}`)
    : toArn(account, 'ec2', `instance/${id}`)
  return { action: 'ssm:SendCommand', resource, context: new Map(context) }
}

/** Allowed is what may be sent, and to each of the instances: one request for the document and one for each. */
const sendCommand =
  (facts: RequestFacts): ToRequests =>
  (input) => {
    const { DocumentName: name, InstanceIds: ids } = SendCommand.parse(input)
    const document = isArn(name) ? name : toArn(facts.account, 'ssm', `document/${name}`)
    return [
      { action: 'ssm:SendCommand', resource: document, context: none },
      ...ids.map((id) => toInstanceRequest(facts, id)),
    ]
  }

/** A secret that does not exist is judged as if it had a suffix, so that its reader hears that it is not there. */
const getSecretValue =
  ({ account, findSecret }: RequestFacts): ToRequests =>
  (input) => {
    const { SecretId: id } = SecretId.parse(input)
    const secret = findSecret(id)
    const named = isArn(id) ? id : toArn(account, 'secretsmanager', `secret:${id}-000000`)
    const resource = secret?.arn ?? named
    const read = { action: 'secretsmanager:GetSecretValue', resource, named: id }
    const via = `secretsmanager.${account.region}.amazonaws.com`
    const key = secret?.keyArn
    return [
      { ...read, context: none },
      ...(key === undefined
        ? []
        : [
            {
              action: 'kms:Decrypt',
              resource: key,
              context: new Map([['kms:viaservice', [via]]]),
            },
          ]),
    ]
  }

const putEvents =
  ({ account }: RequestFacts): ToRequests =>
  (input) =>
    PutEvents.parse(input).Entries.map(({ Source, EventBusName: bus }) => ({
      action: 'events:PutEvents',
      resource: isArn(bus) ? bus : toArn(account, 'events', `event-bus/${bus}`),
      context: new Map([['events:source', [Source]]]),
    }))

const onFunction =
  ({ account }: RequestFacts, action: string): ToRequests =>
  (input) => {
    const { name, qualifier } = OfFunction.parse(input)
    const qualified = qualifier === null ? name : `${name}:${qualifier}`
    return [{ action, resource: toArn(account, 'lambda', `function:${qualified}`), context: none }]
  }

/** By service and operation, `ssm SendCommand`; a call that is not listed is allowed to no function. */
export const createRequests = (facts: RequestFacts): Readonly<Record<string, ToRequests>> => ({
  ...createTableRequests(facts.account, facts.tables),
  ...onAnything(
    'ssm:CancelCommand',
    'ssm:GetCommandInvocation',
    'ssm:ListCommandInvocations',
    'ssm:DescribeInstanceInformation',
    'ec2:DescribeInstances',
    'ecr:GetAuthorizationToken',
    'lambda:GetAccountSettings',
  ),
  'ssm SendCommand': sendCommand(facts),
  'secretsmanager GetSecretValue': getSecretValue(facts),
  'events PutEvents': putEvents(facts),
  'monitoring DescribeAlarms': () => [
    {
      action: 'cloudwatch:DescribeAlarms',
      resource: toArn(facts.account, 'cloudwatch', 'alarm:*'),
      context: none,
    },
  ],
  'lambda Invoke': onFunction(facts, 'lambda:InvokeFunction'),
})
