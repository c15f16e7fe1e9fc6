import * as z from 'zod'
import { isConfigured, toFirstLine } from '../../packaging/esbuild.ts'
import { configuredParts } from '../../packaging/template.ts'
import type { Configuration } from '../../src/deployment/app.ts'

// A package is built once for all stacks, with the example's landfall.yml. What follows from
// landfall.yml is made anew for each stack: the first line of each bundle, the secrets that each role may
// read and the keys that decrypt them, the images that each may read at ECR, the rules that wake `alarm`. test/repository/configure.test.ts holds
// the result equal to a package built with that file.

/** The bundle with another configuration in it; a file that a bundle loads late has none. */
export const configureBundle = (text: string, configuration: Configuration): string =>
  isConfigured(text) ? toFirstLine(configuration) + text.slice(text.indexOf('\n')) : text

const Template = z.looseObject({ Resources: z.record(z.string(), z.unknown()) })
type Resources = z.infer<typeof Template>['Resources']

const PolicyDocument = z.looseObject({ Statement: z.array(z.looseObject({ Action: z.unknown() })) })
const Role = z.looseObject({
  Properties: z.looseObject({ Policies: z.tuple([z.looseObject({ PolicyDocument })]) }),
})

const toRoleName = (functionName: string): string =>
  `${functionName.charAt(0).toUpperCase()}${functionName.slice(1)}Role`

const allowSecrets = (resource: unknown, arns: unknown): unknown => {
  const role = Role.parse(resource)
  const [policy] = role.Properties.Policies
  const Statement = policy.PolicyDocument.Statement.map((statement) =>
    statement.Action === 'secretsmanager:GetSecretValue'
      ? { ...statement, Resource: arns }
      : statement,
  )
  const Policies = [{ ...policy, PolicyDocument: { ...policy.PolicyDocument, Statement } }]
  return { ...role, Properties: { ...role.Properties, Policies } }
}

/** The packager numbers the rules of a function, and the permissions that belong to them, from 1. */
const toAlarmNames = (stage: string, number: number) => ({
  rule: `Landfall${stage}alarmrule${number}EventBridgeRule`,
  permission: `AlarmEventBridgeLambdaPermission${number}`,
  ruleName: `landfall-${stage}-alarm-rule-${number}`,
})

const Rule = z.looseObject({ Properties: z.looseObject({ EventPattern: z.unknown() }) })

const toAlarmResources = (
  packaged: Resources,
  patterns: readonly unknown[],
  stage: string,
): Resources => {
  const first = toAlarmNames(stage, 1)
  const rename = (resource: unknown, ruleName: string): unknown =>
    JSON.parse(JSON.stringify(resource).replaceAll(first.ruleName, ruleName))
  const resources = patterns.flatMap((EventPattern, index) => {
    const { rule, permission, ruleName } = toAlarmNames(stage, index + 1)
    const named = Rule.parse(rename(packaged[first.rule], ruleName))
    return [
      [rule, { ...named, Properties: { ...named.Properties, EventPattern } }],
      [permission, rename(packaged[first.permission], ruleName)],
    ] as const
  })
  return Object.fromEntries(resources)
}

const isOfAlarms = (name: string): boolean => /alarmrule\d|AlarmEventBridge/.test(name)

/** The packaged template for another configuration. */
export const configureTemplate = (text: string, to: Configuration, stage: string): string => {
  const template = Template.parse(JSON.parse(text))
  const packaged = template.Resources
  const { secretArns, alarmEvents, resources } = configuredParts(to, stage)
  const roles = Object.entries(secretArns).map(([functionName, arns]) => {
    const role = toRoleName(functionName)
    return [role, allowSecrets(packaged[role], arns)] as const
  })
  const patterns = alarmEvents.map(({ eventBridge }) => eventBridge.pattern)
  const Resources = {
    ...Object.fromEntries(Object.entries(packaged).filter(([name]) => !isOfAlarms(name))),
    ...Object.fromEntries(roles),
    ...toAlarmResources(packaged, patterns, stage),
    ...resources,
  }
  return JSON.stringify({ ...template, Resources })
}
