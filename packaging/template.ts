import { buildDocument, documentKinds } from '../host/documents.ts'
import type { DocumentKind } from '../host/documents.ts'
import { ConfigurationError, readConfigurationFile } from '../src/config/file.ts'
import type { App, Configuration } from '../src/deployment/app.ts'

const stagePattern = /^[a-z][a-z0-9-]{0,31}$/

/** The packager resolves `${…}` in whatever it loads; a shell script means it literally. */
const escapeVariables = (text: string): string =>
  text.replaceAll(/(\\*)\$\{/g, (_, backslashes: string) => `${backslashes}${backslashes}\\\${`)

const escapeAll = (value: unknown): unknown => {
  if (typeof value === 'string') return escapeVariables(value)
  if (Array.isArray(value)) return value.map(escapeAll)
  return value !== null && typeof value === 'object'
    ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escapeAll(inner)]))
    : value
}

const documentResource = (kind: DocumentKind, stage: string) => {
  const { name, content } = buildDocument(kind, stage)
  return {
    Type: 'AWS::SSM::Document',
    Properties: {
      Name: name,
      DocumentType: 'Command',
      DocumentFormat: 'JSON',
      Content: escapeAll(content),
      Tags: [{ Key: 'landfall:stage', Value: stage }],
    },
  }
}

const isNamed = (name: string | null): name is string => name !== null

/** Not yet those of `reports` and of hosting targets: nobody reads them. */
const secretsOf = (app: App): (string | null)[] => [app.secrets, app.registry]

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

const secretArns = ({ sources, apps }: Configuration, stage: string) => {
  const named = [sources.github, sources.circleci, sources['docker-hub']]
  return {
    webhook: toArns(
      named.map((source) => source?.secret ?? null),
      stage,
    ),
    reconcile: toArns(apps.flatMap(secretsOf), stage),
    hooks: toArns([sources['docker-hub']?.secret ?? null], stage),
  }
}

/**
 * What serverless.yml takes from here: the two documents, and which secrets each role may read.
 *
 * @throws ConfigurationError where landfall.yml is missing or wrong
 */
export const templateParts = (stage: string) => {
  if (!stagePattern.test(stage))
    throw new Error(`the stage must match ${stagePattern.source}, got "${stage}"`)
  const { configuration } = readConfigurationFile()
  const [prepare, deploy] = documentKinds.map((kind) => buildDocument(kind, stage).name)
  return {
    documents: { prepare, deploy },
    secretArns: secretArns(configuration, stage),
    resources: {
      Resources: {
        PrepareDocument: documentResource('prepare', stage),
        DeployDocument: documentResource('deploy', stage),
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
