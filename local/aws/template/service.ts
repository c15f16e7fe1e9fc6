import * as z from 'zod'
import type { EventRule } from '../event-bus.ts'
import { PolicyError } from '../iam/pattern.ts'
import { readRoles, type Role } from '../iam/role.ts'
import type { LambdaFunction } from '../lambda/function.ts'
import type { Schedule } from '../lambda/schedule.ts'
import type { PackagedTemplate } from './template.ts'

export interface Route {
  /** `POST /hooks/github` or `$default` */
  readonly routeKey: string
  readonly functionName: string
}

export interface PackagedDocument {
  readonly name: string
  readonly text: string
}

/** What the packaged template says that the local stack has to be. */
export interface PackagedService {
  readonly functions: readonly LambdaFunction[]
  readonly rules: readonly EventRule[]
  readonly schedules: readonly Schedule[]
  readonly routes: readonly Route[]
  readonly documents: readonly PackagedDocument[]
  /** `CreateTable` inputs. */
  readonly tables: readonly Readonly<Record<string, unknown>>[]
}

const FunctionProperties = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Timeout: z.number().default(3),
  MemorySize: z.number().default(128),
  Environment: z
    .object({ Variables: z.record(z.string(), z.coerce.string()) })
    .default({ Variables: {} }),
  Code: z.object({ S3Key: z.string() }),
  Role: z.string(),
})
const InvokeConfig = z.object({
  FunctionName: z.string(),
  MaximumRetryAttempts: z.number().default(2),
  MaximumEventAgeInSeconds: z.number().default(21_600),
  DestinationConfig: z
    .object({ OnFailure: z.object({ Destination: z.string() }).optional() })
    .default({}),
})
const RuleProperties = z.object({
  Name: z.string(),
  EventPattern: z.unknown().optional(),
  ScheduleExpression: z.string().optional(),
  State: z.string().default('ENABLED'),
  Targets: z.array(z.object({ Arn: z.string(), Input: z.string().optional() })),
})
const DocumentProperties = z.object({ Name: z.string(), Content: z.string() })
const Integration = z.object({ IntegrationUri: z.string() })
const RouteProperties = z.object({ RouteKey: z.string(), Target: z.string() })

/** Where the bundle of a function lies, unpacked; told by the last part of its `S3Key`. */
export type FindBundle = (archive: string) => string

const toFunctions = (template: PackagedTemplate, findBundle: FindBundle): LambdaFunction[] => {
  const configs = template
    .list('AWS::Lambda::EventInvokeConfig')
    .map(({ Properties }) => InvokeConfig.parse(Properties))
  const roles = readRoles(template)
  const roleOf = (arn: string): Role => {
    const role = roles.get(arn.split('/').at(-1) ?? '')
    if (role === undefined) throw new PolicyError(`the template has no role ${arn}`)
    return role
  }
  return template.list('AWS::Lambda::Function').map(({ logicalId, Properties }) => {
    const spec = FunctionProperties.parse(Properties)
    const config = configs.find(({ FunctionName }) => FunctionName === spec.FunctionName)
    return {
      name: spec.FunctionName,
      logicalId,
      directory: findBundle(spec.Code.S3Key.split('/').at(-1) ?? ''),
      handler: spec.Handler,
      timeoutSeconds: spec.Timeout,
      memoryMegabytes: spec.MemorySize,
      environment: spec.Environment.Variables,
      retries: config?.MaximumRetryAttempts ?? 2,
      maximumAgeSeconds: config?.MaximumEventAgeInSeconds ?? 21_600,
      failureDestination: config?.DestinationConfig.OnFailure?.Destination ?? null,
      role: roleOf(spec.Role),
    }
  })
}

const secondsPerUnit: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 }

/** `rate(5 minutes)`; a cron expression is nothing that this service uses. */
const toSeconds = (expression: string): number => {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? []
  const seconds = secondsPerUnit[unit ?? '']
  if (seconds === undefined) throw new Error(`The local stack cannot read ${expression}`)
  return Number(count) * seconds
}

const toFunctionName = (arn: string): string => arn.split(':function:').at(-1) ?? arn

const toInput = (text: string | undefined): unknown =>
  text === undefined ? undefined : JSON.parse(text)

const toRules = (template: PackagedTemplate) =>
  template
    .list('AWS::Events::Rule')
    .map(({ logicalId, Properties }) => RuleProperties.parse({ Name: logicalId, ...Properties }))
    .filter(({ State }) => State === 'ENABLED')

const toEventRules = (template: PackagedTemplate): EventRule[] =>
  toRules(template)
    .filter(({ EventPattern }) => EventPattern !== undefined)
    .map((rule) => ({
      name: rule.Name,
      pattern: rule.EventPattern,
      targets: rule.Targets.map(({ Arn, Input }) => ({
        functionName: toFunctionName(Arn),
        input: toInput(Input),
      })),
    }))

const toSchedules = (template: PackagedTemplate): Schedule[] =>
  toRules(template).flatMap((rule) =>
    rule.ScheduleExpression === undefined
      ? []
      : rule.Targets.map(({ Arn, Input }) => ({
          ruleName: rule.Name,
          seconds: toSeconds(rule.ScheduleExpression ?? ''),
          functionName: toFunctionName(Arn),
          input: toInput(Input),
        })),
  )

const toRoutes = (template: PackagedTemplate): Route[] => {
  const integrations = new Map(
    template
      .list('AWS::ApiGatewayV2::Integration')
      .map(({ logicalId, Properties }) => [
        `integrations/${logicalId}`,
        toFunctionName(Integration.parse(Properties).IntegrationUri),
      ]),
  )
  return template.list('AWS::ApiGatewayV2::Route').map(({ Properties }) => {
    const { RouteKey, Target } = RouteProperties.parse(Properties)
    return { routeKey: RouteKey, functionName: integrations.get(Target) ?? '' }
  })
}

const tableKeys = ['TableName', 'AttributeDefinitions', 'KeySchema', 'GlobalSecondaryIndexes']

export const toService = (template: PackagedTemplate, findBundle: FindBundle): PackagedService => ({
  functions: toFunctions(template, findBundle),
  rules: toEventRules(template),
  schedules: toSchedules(template),
  routes: toRoutes(template),
  documents: template.list('AWS::SSM::Document').map(({ Properties }) => {
    const { Name, Content } = DocumentProperties.parse(Properties)
    return { name: Name, text: Content }
  }),
  tables: template.list('AWS::DynamoDB::Table').map(({ Properties }) => ({
    ...Object.fromEntries(Object.entries(Properties).filter(([key]) => tableKeys.includes(key))),
    BillingMode: 'PAY_PER_REQUEST',
  })),
})
