import { buildDocument, documentKinds } from '../host/documents.ts'
import type { DocumentKind } from '../host/documents.ts'
import { environments } from '../src/config/environment.ts'
import { ConfigurationError, readConfigurationFile } from '../src/config/file.ts'
import type { App, Configuration } from '../src/deployment/app.ts'
import { imagePolicies, pushResources } from './ecr.ts'
import { findCrowdedRole, toRoleRefs, type InlinePolicy } from './role-room.ts'

const stagePattern = /^[a-z][a-z0-9-]{0,31}$/

/** The packager resolves `${…}` in whatever it loads; a shell script means it literally. */
const escapeVariables = (text: string): string =>
  text.replaceAll(/(\\*)\$\{/g, (_, backslashes: string) => `${backslashes}${backslashes}\\\${`)

const documentResource = (kind: DocumentKind, stage: string) => {
  const { name, content } = buildDocument(kind, stage)
  return {
    Type: 'AWS::SSM::Document',
    Properties: {
      Name: name,
      DocumentType: 'Command',
      DocumentFormat: 'JSON',
      Content: escapeVariables(content),
      Tags: [{ Key: 'landfall:stage', Value: stage }],
    },
  }
}

const isNamed = (name: string | null): name is string => name !== null

const tokensOf = ({ targets }: App): string[] =>
  targets.flatMap((target) => ('token' in target ? [target.token] : []))

const secretsOf = (app: App): (string | null)[] => [
  ...deploySecretsOf(app),
  ...reportSecretsOf(app),
]

/** What a container is given, what an image is pulled with, and by what a target lets itself be asked. */
const deploySecretsOf = (app: App): (string | null)[] => [
  app.secrets,
  app.registry,
  ...tokensOf(app),
]

const reportSecretsOf = ({ reports }: App): (string | null)[] => [
  reports.github,
  reports.notice,
  reports.sentry,
]

/**
 * The ARNs behind names of secrets; Secrets Manager ends each in six letters of its own. A role
 * needs at least one resource: where nothing is named it may read a secret that does not exist.
 */
const toArns = (names: readonly (string | null)[], stage: string) => {
  const unique = [...new Set(names.filter(isNamed))].sort()
  return (unique.length > 0 ? unique : [`landfall/${stage}/none`]).map((name) => ({
    'Fn::Sub': `arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${name}-??????`,
  }))
}

/** The logins of the images that go to Heroku, and Heroku's API keys: what `carry` reads. */
const carrySecretsOf = ({ registry, targets }: App): (string | null)[] =>
  targets.flatMap((target) => (target.kind === 'heroku' ? [registry, target.token] : []))

const secretArns = ({ sources, apps }: Configuration, stage: string) => {
  const hookSecrets = [sources.github, sources.circleci, sources['docker-hub']].map(
    (source) => source?.secret ?? null,
  )
  return {
    webhook: toArns(hookSecrets, stage),
    reconcile: toArns(apps.flatMap(secretsOf), stage),
    // What else an app names is not looked into.
    plan: toArns(apps.flatMap(deploySecretsOf), stage),
    carry: toArns(apps.flatMap(carrySecretsOf), stage),
    // It says which of them cannot be used, and which are equal.
    hooks: toArns(hookSecrets, stage),
  }
}

/**
 * Secrets under a key of the account's own: without this their readers would be refused. Only by way of
 * Secrets Manager: what else the key encrypts stays closed.
 */
const keyPolicies = ({ kms }: Configuration): Readonly<Record<string, InlinePolicy>> => {
  if (kms.length === 0) return {}
  const readers = ['Webhook', 'Reconcile', 'Plan', 'Carry', 'Hooks']
  const service = { 'Fn::Sub': 'secretsmanager.${AWS::Region}.${AWS::URLSuffix}' }
  const statement = {
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: kms,
    Condition: { StringEquals: { 'kms:ViaService': service } },
  }
  return {
    DecryptPolicy: {
      Type: 'AWS::IAM::Policy',
      Properties: {
        PolicyName: 'decrypt',
        PolicyDocument: { Version: '2012-10-17', Statement: [statement] },
        Roles: toRoleRefs(readers),
      },
    },
  }
}

/** The functions' log groups by name, so that another stage's, whose name may begin alike, stay closed. */
const toLogArns = (stage: string) =>
  Object.keys(environments).flatMap((name) => {
    const group = `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/landfall-${stage}-${name}`
    // Actions differ in which of the two they are judged by.
    return [{ 'Fn::Sub': group }, { 'Fn::Sub': `${group}:*` }]
  })

/** EventBridge takes patterns of up to 2,048 characters; what stands around the alarms takes some. */
const mostPatternCharacters = 1500

/** The alarms that landfall.yml names, in portions that fit into one pattern. */
const portionAlarms = (names: readonly string[]): readonly (readonly string[])[] => {
  const portions: string[][] = [[]]
  let size = 0
  for (const name of names) {
    // The ARN around the name, with a region and an account in it.
    const length = name.length + 80
    if (size + length > mostPatternCharacters) {
      portions.push([])
      size = 0
    }
    portions.at(-1)?.push(name)
    size += length
  }
  return portions
}

/**
 * The rules that wake `alarm`: by the alarms' ARNs, so that no other alarm of the account costs an
 * invocation. A pattern needs at least one: where none is named it is an alarm that does not exist.
 */
const alarmEvents = ({ apps }: Configuration, stage: string) => {
  const named = [...new Set(apps.flatMap(({ rollback }) => rollback?.alarms ?? []))].sort()
  return portionAlarms(named.length > 0 ? named : [`landfall-${stage}-none`]).map((names) => ({
    eventBridge: {
      pattern: {
        source: ['aws.cloudwatch'],
        'detail-type': ['CloudWatch Alarm State Change'],
        resources: names.map((name) => ({
          'Fn::Sub': `arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:${name}`,
        })),
        detail: { state: { value: ['ALARM'] } },
      },
      // What comes later than that is made good by the clock, and judged by the alarm's own time.
      retryPolicy: { maximumRetryAttempts: 10, maximumEventAge: 600 },
      deadLetterQueueArn: { 'Fn::GetAtt': ['FailedNudges', 'Arn'] },
    },
  }))
}

/**
 * What of the template follows from landfall.yml: which secrets each role may read, with which keys they are
 * decrypted, which images are read by a role, and which alarms wake `alarm`.
 *
 * @throws ConfigurationError where IAM would not take so many names
 */
export const configuredParts = (configuration: Configuration, stage: string) => {
  const arns = secretArns(configuration, stage)
  const policies = { ...keyPolicies(configuration), ...imagePolicies(configuration) }
  const crowded = findCrowdedRole(arns, Object.values(policies))
  if (crowded !== null) throw new ConfigurationError(crowded)
  const resources: Readonly<Record<string, object>> = {
    ...policies,
    ...pushResources(configuration, stage),
  }
  return {
    secretArns: arns,
    alarmEvents: alarmEvents(configuration, stage),
    resources,
  }
}
export type ConfiguredParts = ReturnType<typeof configuredParts>

/**
 * What serverless.yml takes from here: the documents, and what follows from landfall.yml.
 *
 * @throws ConfigurationError where landfall.yml is missing or wrong
 */
export const templateParts = (stage: string) => {
  if (!stagePattern.test(stage))
    throw new Error(`the stage must match ${stagePattern.source}, got "${stage}"`)
  const [prepare, plan, deploy, renew] = documentKinds.map(
    (kind) => buildDocument(kind, stage).name,
  )
  const { resources, ...configured } = configuredParts(readConfigurationFile().configuration, stage)
  return {
    documents: { prepare, plan, deploy, renew },
    logArns: toLogArns(stage),
    ...configured,
    resources: {
      Resources: {
        PrepareDocument: documentResource('prepare', stage),
        PlanDocument: documentResource('plan', stage),
        DeployDocument: documentResource('deploy', stage),
        RenewDocument: documentResource('renew', stage),
        ...resources,
      },
    },
  }
}

/** The same for the packager, which would repeat a mistake for every variable: it is told once, and the run ends. */
export const templatePartsForPackaging = (stage: string) => {
  try {
    return templateParts(stage)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return process.exit(1)
  }
}
