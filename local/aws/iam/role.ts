import * as z from 'zod'
import type { PackagedTemplate } from '../template/template.ts'
import { PolicyError } from './pattern.ts'
import { parsePolicy, type Statement } from './policy.ts'

/** The rights of one function. */
export interface Role {
  readonly name: string
  readonly statements: readonly Statement[]
}

/** A function and the role that Lambda runs it under. */
export interface FunctionPrincipal {
  readonly kind: 'function'
  readonly functionName: string
  readonly role: Role
}

const Inline = z.strictObject({ PolicyName: z.string(), PolicyDocument: z.unknown() })

/** Strict: rights that come from elsewhere (a managed policy, a boundary) would not be judged. */
const RoleProperties = z.strictObject({
  AssumeRolePolicyDocument: z.unknown(),
  Policies: z.array(Inline).default([]),
})
const PolicyProperties = Inline.extend({ Roles: z.array(z.string()) })

const parseInline = (role: string, { PolicyName, PolicyDocument }: z.infer<typeof Inline>) =>
  parsePolicy(`${role}/${PolicyName}`, PolicyDocument)

/** Nothing here runs under the other roles, such as the instances'. */
const isOfLambda = ({ AssumeRolePolicyDocument: trust }: Readonly<Record<string, unknown>>) =>
  JSON.stringify(trust ?? '').includes('"lambda.amazonaws.com"')

/** These attach rights to a role from outside, and are not read here. */
const refuseAttached = (template: PackagedTemplate, roles: ReadonlyMap<string, Role>): void => {
  const attaching = ['AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy'].flatMap((type) =>
    template.list(type),
  )
  for (const { logicalId, Properties } of attaching)
    for (const name of [Properties['Roles'], Properties['RoleName']].flat())
      if (typeof name === 'string' && roles.has(name))
        throw new PolicyError(`the role ${name} is not known: ${logicalId} gives it more rights`)
}

/**
 * The functions' roles of a packaged template by their names.
 *
 * @throws PolicyError where a role has anything that the evaluator does not know
 */
export const readRoles = (template: PackagedTemplate): ReadonlyMap<string, Role> => {
  const attached = template
    .list('AWS::IAM::Policy')
    .map(({ Properties }) => PolicyProperties.parse(Properties))
  const roles = template
    .list('AWS::IAM::Role')
    .filter(({ Properties }) => isOfLambda(Properties))
    .map(({ logicalId: name, Properties }): [string, Role] => {
      const parsed = RoleProperties.safeParse(Properties)
      if (!parsed.success)
        throw new PolicyError(`the role ${name} is not known: ${z.prettifyError(parsed.error)}`)
      const shared = attached.filter(({ Roles }) => Roles.includes(name))
      const policies = [...parsed.data.Policies, ...shared]
      return [name, { name, statements: policies.flatMap((policy) => parseInline(name, policy)) }]
    })
  const byName = new Map(roles)
  refuseAttached(template, byName)
  return byName
}
