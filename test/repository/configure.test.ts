import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import * as z from 'zod'
import { templateName } from '../../local/package/build.ts'
import { configureBundle, configureTemplate } from '../../local/package/configure.ts'
import { unzip } from '../../local/package/unzip.ts'
import { readConfigurationFile } from '../../src/config/file.ts'
import { openPackage, packageStack, type Packaged } from '../support/packaged.ts'

// A local stack takes the package of landfall.example.yml and puts its own landfall.yml into it. Here
// another one is really packaged too, and both ways have to end in the same.

const directory = mkdtempSync(join(tmpdir(), 'landfall-configure-'))
const file = join(directory, 'landfall.yml')
afterAll(() => rmSync(directory, { recursive: true }))

/** More alarms than one pattern has room for, no Docker Hub, and text that a literal has to escape. */
const alarms = Array.from({ length: 10 }, (_, index) => `other-${'x'.repeat(90)}-${index}`)
const key = 'arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'
const registry = '210987654321.dkr.ecr.us-east-1.amazonaws.com'
const atEcr = (name: string, target: object) => ({
  repository: `acme/${name}`,
  image: `${registry}/acme/${name}`,
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  targets: [target],
})
const other = {
  sources: { github: { secret: 'other/github' } },
  kms: [key],
  apps: {
    other: {
      repository: 'acme/other',
      image: 'acme/other',
      requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
      env: { TEXT: 'a "quoted" \'text\' with `$&` and ${THIS}, é, \u2028 and </script>' },
      secrets: 'other/app',
      targets: [
        {
          ec2: { instances: { tag: 'Name=other' }, port: 8000, publish: 80, health: { path: '/' } },
        },
      ],
      rollback: { alarms },
      reports: { notice: 'other/notice' },
    },
    'at-ecr': atEcr('at-ecr', { ec2: { instances: { tag: 'Name=ecr' }, port: 8000, publish: 80 } }),
    carried: atEcr('carried', { heroku: { app: 'carried', token: 'other/heroku' } }),
    'by-secret': {
      ...atEcr('by-secret', { heroku: { app: 'by-secret', token: 'other/heroku' } }),
      registry: 'other/registry',
    },
  },
}

let example: Packaged
let built: Packaged
beforeAll(async () => {
  writeFileSync(file, stringify(other))
  example = await openPackage()
  built = packageStack(file, join(directory, 'package'))
})

const Template = z.looseObject({ Resources: z.record(z.string(), z.unknown()) })
/** Without the time of packaging, which names the place of the bundles. */
const parse = (text: string) =>
  Template.parse(JSON.parse(text.replaceAll(/local\/[0-9]+-[0-9TZ:.-]+\//g, 'local/TIME/')))

/** The roles that may read any secret, as the policy names them. */
const readersOfSecrets = (resources: Packaged['template']['Resources']) =>
  Object.entries(resources)
    .filter(([, resource]) => JSON.stringify(resource).includes('secretsmanager:GetSecretValue'))
    .map(([Ref]) => ({ Ref }))

test('a package configured with another landfall.yml has the template of packaging with it', () => {
  const { configuration } = readConfigurationFile(file)
  const given = readFileSync(join(example.directory, templateName), 'utf8')
  const template = parse(configureTemplate(given, configuration, 'local'))
  expect(template).toEqual(parse(readFileSync(join(built.directory, templateName), 'utf8')))
  expect(Object.keys(template.Resources)).toContain('Landfalllocalalarmrule2EventBridgeRule')
})

/** Bundles are long: where they differ is told, not all that they are. */
const expectSame = (name: string, one: string, other: string): void => {
  const at = one.split('').findIndex((character, index) => character !== other[index])
  const shown = (text: string): string => text.slice(Math.max(0, at - 60), at + 60)
  if (one !== other) expect(shown(one), `${name} differs at ${at}`).toBe(shown(other))
}

test('a package configured with another landfall.yml has the bundles of packaging with it, byte for byte', () => {
  const { configuration } = readConfigurationFile(file)
  const names = readdirSync(built.directory).filter((name) => name.endsWith('.zip'))
  expect(names.length).toBeGreaterThan(0)
  for (const name of names.map((zip) => basename(zip, '.zip'))) {
    const target = join(directory, 'bundles', name)
    unzip(join(built.directory, `${name}.zip`), target)
    const path = join('handlers', `${name}.cjs`)
    const given = readFileSync(join(example.directory, 'bundles', name, path), 'utf8')
    const configured = configureBundle(given, configuration)
    expectSame(name, configured, readFileSync(join(target, path), 'utf8'))
    expect(configured, name).toContain('other/github')
  }
})

test('the functions that read secrets may decrypt them with the keys of landfall.yml, and nothing else', () => {
  expect(example.template.Resources).not.toHaveProperty('DecryptPolicy')
  expect(built.template.Resources['DecryptPolicy']?.Properties).toEqual({
    PolicyName: 'decrypt',
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: 'kms:Decrypt',
          Resource: [key],
          Condition: {
            StringEquals: {
              'kms:ViaService': {
                'Fn::Sub': 'secretsmanager.${AWS::Region}.${AWS::URLSuffix}',
              },
            },
          },
        },
      ],
    },
    Roles: readersOfSecrets(built.template.Resources),
  })
})

test('the images at Amazon ECR may be read by the roles that read them, and no other image', () => {
  const allow = (names: readonly string[], roles: readonly string[]) => ({
    PolicyName: 'images',
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
        {
          Effect: 'Allow',
          Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
          Resource: names.map((name) => ({
            'Fn::Sub': `arn:\${AWS::Partition}:ecr:us-east-1:210987654321:repository/acme/${name}`,
          })),
        },
      ],
    },
    Roles: roles.map((Ref) => ({ Ref })),
  })
  const { Resources } = built.template
  expect(Resources['ImagesPolicy']?.Properties).toEqual(
    allow(['at-ecr', 'carried'], ['ReconcileRole', 'PlanRole']),
  )
  expect(Resources['CarriedImagesPolicy']?.Properties).toEqual(allow(['carried'], ['CarryRole']))
  expect(example.template.Resources['ImagesPolicy']).toBeUndefined()
})

test('a push to one of these repositories wakes reconcile, and no other push does', () => {
  const { Resources } = built.template
  const { EventPattern, Targets } = z
    .object({ EventPattern: z.unknown(), Targets: z.unknown() })
    .parse(Resources['ImagePushRule']?.Properties)
  expect(EventPattern).toEqual({
    source: ['aws.ecr'],
    'detail-type': ['ECR Image Action'],
    detail: {
      result: ['SUCCESS'],
      'action-type': ['PUSH'],
      'repository-name': ['acme/at-ecr', 'acme/by-secret', 'acme/carried'],
    },
  })
  const Arn = { 'Fn::GetAtt': ['ReconcileLambdaFunction', 'Arn'] }
  expect(Targets).toMatchObject([{ Arn }])
  expect(Resources['ImagePushPermission']?.Properties).toMatchObject({
    FunctionName: Arn,
    SourceArn: { 'Fn::GetAtt': ['ImagePushRule', 'Arn'] },
  })
  expect(example.template.Resources['ImagePushRule']).toBeUndefined()
})
