import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { parseConfiguration } from '../../src/config/read.ts'
import { openPackage, type Packaged } from '../support/packaged.ts'
import { blocksOf, guides, linksOf, manuals } from '../support/pages.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const readme = read('README.md')
const guide = guides.map(read).join('\n')
const everything = [...guides, ...manuals, 'docs/host.md'].map(read).join('\n')

const blocks = (language: string): readonly string[] =>
  guides.flatMap((file) => blocksOf(file, language))
const all = (pattern: RegExp, text = guide): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, found = '']) => found)),
]

const Package = z.object({ scripts: z.record(z.string(), z.string()) })
const Service = z.object({ functions: z.record(z.string(), z.unknown()) })
const Text = z.string()
const Statement = z.object({
  Sid: z.string().optional(),
  Action: z.union([z.array(Text), Text.transform((one) => [one])]),
  Resource: z.union([z.array(Text), Text.transform((one) => [one])]),
  Condition: z.unknown().optional(),
})
const Policy = z.object({ Version: z.literal('2012-10-17'), Statement: z.array(Statement) })
const readPolicy = (file: string) => Policy.parse(JSON.parse(read(file)))

describe('the README', () => {
  it('the README is short', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(10_000)
  })

  it('has a quick start of at most fifteen commands', () => {
    const section = /^## Quick start\n(.*?)^## /ms.exec(readme)?.[1] ?? ''
    const lines = /^```sh\n(.*?)\n```/ms.exec(section)?.[1]?.split('\n') ?? []
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.length).toBeLessThanOrEqual(15)
  })

  it('the README says what was never run on real services', () => {
    expect(readme).toContain('Nothing here has been run on a real AWS account')
  })

  it('the README links to every guide', () => {
    const linked = linksOf('README.md')
    expect(guides.filter((file) => file !== 'README.md' && !linked.includes(file))).toEqual([])
  })
})

describe('what the pages name', () => {
  const { scripts } = Package.parse(JSON.parse(read('package.json')))
  const { functions } = Service.parse(parse(read('serverless.yml'), { logLevel: 'error' }))

  it.each(all(/\bnpm (?:run )?(test|start|demo|package)\b/g, everything))(
    'npm has a script %s',
    (script) => {
      expect(Object.keys(scripts)).toContain(script)
    },
  )

  it.each(all(/sls (?:invoke|logs) -f ([\w-]+)/g, everything))(
    'the stack has a function %s',
    (name) => {
      expect(Object.keys(functions)).toContain(name)
    },
  )

  it.each(all(/ -d '([^']+)'/g))('an operator function takes %s', (input) => {
    const Input = z.strictObject({ app: z.literal('oc-lettings'), revision: Text.optional() })
    expect(Input.safeParse(JSON.parse(input)).success).toBe(true)
  })

  it.each(all(/file:\/\/(examples\/[\w./-]+)/g, everything))('the file %s exists', (file) => {
    expect(existsSync(file)).toBe(true)
  })

  it('the labels and the directory of the host scripts exist', () => {
    const scripts = readdirSync('host').filter((file) => file.endsWith('.sh'))
    const host = scripts.map((file) => read(`host/${file}`)).join('\n')
    for (const name of ['landfall.app=', 'landfall.proxy=', '/var/lib/landfall', 'landfall-proxy-'])
      expect([host.includes(name), everything.includes(name.replace(/=$/, ''))]).toEqual([
        true,
        true,
      ])
  })

  it('the pages count the functions correctly', () => {
    expect(Object.keys(functions)).toHaveLength(15)
    expect(readme).toContain('It is fifteen AWS Lambda functions')
  })
})

describe('the snippets of the guides', () => {
  const configurations = blocks('yaml').filter((text) => /^apps:/m.test(text))
  const [first = ''] = blocksOf('docs/getting-started.md', 'yaml')
  const workflows = blocks('yaml').filter((text) => /^jobs:/m.test(text))

  it('each snippet of the guides is a configuration or a workflow', () => {
    expect(configurations).toHaveLength(7)
    expect(workflows).toHaveLength(1)
    expect(blocks('yaml')).toHaveLength(8)
  })

  it.each(configurations)(
    'a landfall.yml of the guides has no mistakes and no warnings (%#)',
    (text) => {
      const configuration = parseConfiguration(text, 'landfall.yml')
      expect(configuration).toMatchObject({ ok: true, value: { warnings: [] } })
    },
  )

  it('the workflow is the required one and tags the image with the full commit', () => {
    const workflow = z.object({ name: Text }).parse(parse(workflows[0] ?? ''))
    const parsed = parseConfiguration(first, 'landfall.yml')
    const app = parsed.ok ? parsed.value.configuration.apps[0] : undefined
    expect(app?.requires).toContainEqual({ kind: 'ci', ci: 'github', workflow: workflow.name })
    expect(app?.tag).toBe('{commit}')
    expect(workflows[0]).toContain('type=sha,format=long,prefix=')
  })

  it('creates every secret that its landfall.yml names, on EC2, at Render and at Heroku', () => {
    const elsewhere = configurations.filter((text) => /- (render|heroku):/.test(text))
    expect(elsewhere).toHaveLength(2)
    const named = all(/\b(landfall\/prod\/[\w-]+)/g, [first, ...elsewhere].join(' '))
    expect(all(/create-secret --name (\S+)/g).toSorted()).toEqual(named.toSorted())
  })

  it.each(blocks('json'))('JSON parses (%#)', (text) => {
    expect(z.record(z.string(), Text).parse(JSON.parse(text))).not.toEqual({})
  })
})

const policyFiles = globSync('examples/**/*policy.json').concat('examples/boundary.json')

/** What creating each kind of resource asks for: the reason for a line in the deployer's policy. */
const creating: Readonly<Record<string, string>> = {
  'AWS::ApiGatewayV2::Api': 'apigateway:POST',
  'AWS::ApiGatewayV2::Integration': 'apigateway:POST',
  'AWS::ApiGatewayV2::Route': 'apigateway:POST',
  'AWS::ApiGatewayV2::Stage': 'apigateway:POST',
  'AWS::CloudWatch::Alarm': 'cloudwatch:PutMetricAlarm',
  'AWS::DynamoDB::Table': 'dynamodb:CreateTable',
  'AWS::Events::Rule': 'events:PutRule',
  'AWS::IAM::InstanceProfile': 'iam:CreateInstanceProfile',
  'AWS::IAM::ManagedPolicy': 'iam:CreatePolicy',
  'AWS::IAM::Role': 'iam:CreateRole',
  'AWS::Lambda::EventInvokeConfig': 'lambda:PutFunctionEventInvokeConfig',
  'AWS::Lambda::Function': 'lambda:CreateFunction',
  'AWS::Lambda::Permission': 'lambda:AddPermission',
  'AWS::Logs::LogGroup': 'logs:CreateLogGroup',
  'AWS::Logs::MetricFilter': 'logs:PutMetricFilter',
  'AWS::S3::Bucket': 's3:CreateBucket',
  'AWS::S3::BucketPolicy': 's3:PutBucketPolicy',
  'AWS::SNS::Topic': 'sns:CreateTopic',
  'AWS::SQS::Queue': 'sqs:CreateQueue',
  'AWS::SQS::QueuePolicy': 'sqs:SetQueueAttributes',
  'AWS::SSM::Document': 'ssm:CreateDocument',
}

const ListOf = <Item extends z.ZodType>(item: Item) =>
  z.union([z.array(item), item.transform((one) => [one])])
const Reference = z.union([z.string(), z.record(z.string(), z.unknown())])
const BoundRole = z.object({
  Policies: z.array(
    z.object({
      PolicyDocument: z.object({
        Statement: z.array(z.object({ Action: ListOf(z.string()), Resource: ListOf(Reference) })),
      }),
    }),
  ),
})

/** The ARN behind a resource of the template, with an account and a region in it. */
const toSampleArn = (reference: z.infer<typeof Reference>): string => {
  const text =
    typeof reference === 'string' ? reference : JSON.stringify(Object.values(reference)[0])
  const here = 'eu-west-3:123456789012'
  if (text === '["Journal","Arn"]') return `arn:aws:dynamodb:${here}:table/landfall-prod`
  if (text === '["FailedNudges","Arn"]') return `arn:aws:sqs:${here}:landfall-prod-failed-nudges`
  return text
    .replaceAll('"', '')
    .replace('${Journal.Arn}', `arn:aws:dynamodb:${here}:table/landfall-prod`)
    .replace('${AWS::Partition}', 'aws')
    .replace('${AWS::Region}', 'eu-west-3')
    .replace('${AWS::AccountId}', '123456789012')
}

/** As IAM compares: `*` stands for any characters. */
const matches = (pattern: string, text: string): boolean => {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(text)
}

describe('the policies in examples', () => {
  let packaged: Packaged
  beforeAll(async () => {
    packaged = await openPackage()
  })
  const deployer = readPolicy('examples/deploy-policy.json')

  it('the deployer policy allows every kind of resource in the stack', () => {
    const actions = deployer.Statement.flatMap(({ Action }) => Action)
    const types = Object.values(packaged.template.Resources).map(({ Type }) => Type)
    const lacking = [...new Set(types)].filter(
      (type) => !actions.includes(creating[type] ?? `nothing known of ${type}`),
    )
    expect(lacking).toEqual([])
  })

  it('the policies let CloudFormation delete the table of a failed stack', () => {
    const table = deployer.Statement.find(({ Sid }) => Sid === 'Table')
    expect(table?.Action).toContain('dynamodb:DeleteTable')
  })

  it('the policies are limited to names of Landfall where possible', () => {
    const wide = deployer.Statement.filter(({ Resource }) =>
      Resource.some((arn) => !arn.includes('landfall-')),
    )
    expect(wide.map(({ Sid }) => Sid)).toEqual(['NotNarrowable', 'ApiGatewayOfANewAccount', 'Api'])
  })

  it.each(policyFiles)('%s names no partition of AWS, so that it serves in China too', (file) => {
    expect(read(file)).not.toMatch(/arn:aws[\w-]*:/)
    // EC2 has another name there.
    const services = read(file).match(/"ec2\.amazonaws[\w.]*"/g) ?? []
    expect([[], ['"ec2.amazonaws.com"', '"ec2.amazonaws.com.cn"']]).toContainEqual(services)
  })

  it('the stack names no partition either, and its instances may be of China', () => {
    const text = JSON.stringify(packaged.template)
    expect(text.match(/arn:aws[\w-]*:/g) ?? []).toEqual([])
    expect(packaged.template.Resources['InstanceRole']?.Properties).toMatchObject({
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Principal: {
              Service: { 'Fn::If': ['InChina', 'ec2.amazonaws.com.cn', 'ec2.amazonaws.com'] },
            },
          },
        ],
      },
    })
  })

  it.each(['examples/deploy-policy.json', 'examples/boundary.json'])(
    '%s fits into a managed policy of 6,144 characters',
    (file) => {
      expect(read(file).replaceAll(/\s/g, '').length).toBeLessThan(6144)
    },
  )

  it('the deployer policy lets an upgrade delete the log group that the API had before', () => {
    const deleting = deployer.Statement.filter(({ Action }) =>
      Action.includes('logs:DeleteLogGroup'),
    )
    expect(deleting.flatMap(({ Resource }) => Resource)).toContain(
      'arn:*:logs:*:*:log-group:/aws/http-api/landfall-*',
    )
  })

  it('the deployer policy lets nobody create or change a role without the boundary', () => {
    const bounded = ['CreateRole', 'PutRolePermissionsBoundary', 'PutRolePolicy', 'UpdateRole']
    const changing = [...bounded, 'DeleteRolePolicy', 'UpdateAssumeRolePolicy']
    const named = (Sid: string) => deployer.Statement.filter((one) => one.Sid === Sid)
    const [roles, ...others] = named('BoundedRoles')
    expect(others).toEqual([])
    expect(roles?.Condition).toEqual({
      ArnLike: { 'iam:PermissionsBoundary': 'arn:*:iam::*:policy/LandfallBoundary' },
    })
    expect([...(roles?.Action ?? [])].sort()).toEqual(changing.map((name) => `iam:${name}`).sort())
    const rest = deployer.Statement.filter((one) => one !== roles)
      .flatMap(({ Action }) => Action)
      .filter((action) => action.startsWith('iam:'))
    // The boundary itself is out of reach, and so is a policy that is attached to somebody.
    const escalating =
      /^iam:(\*|Attach|Put|Set|Update|CreatePolicyVersion|CreateRole|CreateUser|CreateAccessKey|CreateLogin|DeleteRolePermissionsBoundary|AddUser)/
    expect(rest.filter((action) => escalating.test(action))).toEqual([])
    const policies = deployer.Statement.filter(({ Action }) => Action.includes('iam:CreatePolicy'))
    const arns = policies.flatMap(({ Resource }) => Resource)
    expect(arns.filter((arn) => matches(arn, 'arn:aws:iam::1:policy/LandfallBoundary'))).toEqual([])
  })

  it('the boundary allows all that the roles of the stack allow, and no right over roles or users', () => {
    const boundary = readPolicy('examples/boundary.json').Statement
    const allowed = (action: string, arn: string): boolean =>
      boundary.some(
        ({ Action, Resource }) =>
          Action.includes(action) && Resource.some((pattern) => matches(pattern, arn)),
      )
    const roles = Object.entries(packaged.template.Resources).filter(
      ([, { Type }]) => Type === 'AWS::IAM::Role',
    )
    const beyond = roles.flatMap(([name, { Properties }]) =>
      BoundRole.parse(Properties)
        .Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .flatMap(({ Action, Resource }) =>
          Action.flatMap((action) => Resource.map((one) => [action, toSampleArn(one)] as const)),
        )
        .filter(([action, arn]) => !allowed(action, arn))
        .map(([action, arn]) => `${name}: ${action} ${arn}`),
    )
    expect(beyond).toEqual([])
    expect(roles.length).toBeGreaterThan(10)
    const actions = boundary.flatMap(({ Action }) => Action)
    expect(actions.filter((action) => /\*|^(iam|sts|organizations):/.test(action))).toEqual([])
  })

  it('every role of the stack takes the boundary that it is deployed with', () => {
    for (const [name, { Type, Properties }] of Object.entries(packaged.template.Resources))
      if (Type === 'AWS::IAM::Role')
        expect(Properties['PermissionsBoundary'], name).toEqual({
          'Fn::If': ['HasBoundary', '', { Ref: 'AWS::NoValue' }],
        })
  })

  it("the policy for an instance's own role equals the stack's", () => {
    const Role = z.object({ Policies: z.array(z.object({ PolicyDocument: Policy })) })
    const role = Role.parse(packaged.template.Resources['InstanceRole']?.Properties)
    expect(readPolicy('examples/instance-policy.json')).toEqual(role.Policies[0]?.PolicyDocument)
  })

  it('the pages name only outputs that the stack has', () => {
    const named = ['AlarmTopic', 'InstanceProfile', 'OperatorPolicy']
    expect(Object.keys(packaged.template.Outputs)).toEqual(expect.arrayContaining(named))
    for (const name of named) expect(everything).toContain(name)
  })

  it('the pages count the paid alarms correctly', () => {
    const types = Object.values(packaged.template.Resources).map(({ Type }) => Type)
    const count = types.filter((type) => type === 'AWS::CloudWatch::Alarm').length
    expect(guide).toContain(`CloudWatch: ${count} alarms`)
  })
})
