import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { buildDocument, documentKinds, renderScript } from '../../host/documents.ts'
import { otherPolicyCharacters } from '../../packaging/role-room.ts'
import { environments } from '../../src/config/environment.ts'
import { itemKey, type ItemKey } from '../../src/journal/keys.ts'
import { AppName, DeliveryId, Generation, InstanceId, RevisionId } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { DocumentKind } from '../../host/documents.ts'
import { findSdkActions, openPackage } from '../support/packaged.ts'
import type { Packaged, Resource } from '../support/packaged.ts'

const stage = 'local'
const configuration = 'landfall.example.yml'
const names = Object.keys(environments)

let packaged: Packaged
beforeAll(async () => {
  packaged = await openPackage()
})

const bundleOf = (name: string): string =>
  join(packaged.directory, 'bundles', name, 'handlers', `${name}.cjs`)

const resource = (logicalId: string): Resource => {
  const found = packaged.template.Resources[logicalId]
  if (found === undefined) throw new Error(`no ${logicalId} in the template`)
  return found
}

const ofType = (type: string): [string, Resource][] =>
  Object.entries(packaged.template.Resources).filter(([, { Type }]) => Type === type)

const Text = z.string().or(z.record(z.string(), z.unknown()))
const Fn = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Runtime: z.string(),
  Architectures: z.array(z.string()),
  Role: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }),
  Environment: z.object({ Variables: z.record(z.string(), Text) }),
})

const functions = () =>
  new Map(
    ofType('AWS::Lambda::Function').map(([, { Properties }]) => {
      const parsed = Fn.parse(Properties)
      return [parsed.FunctionName.slice(`landfall-${stage}-`.length), parsed]
    }),
  )

const functionOf = (name: string): z.infer<typeof Fn> => {
  const found = functions().get(name)
  if (found === undefined) throw new Error(`no function ${name}`)
  return found
}

const AsList = z.union([z.array(Text), Text.transform((one) => [one])])
const Statement = z.object({
  Sid: z.string().optional(),
  Effect: z.literal('Allow'),
  Action: AsList,
  Resource: AsList,
  Condition: z.unknown().optional(),
})
type Statement = z.infer<typeof Statement>
const Role = z.object({
  Policies: z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) })),
})

const ManagedPolicy = z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) })

/** A condition that names partitions of the journal, and at least one. */
const Partitions = z
  .strictObject({
    'ForAllValues:StringLike': z.strictObject({ 'dynamodb:LeadingKeys': z.array(z.string()) }),
    Null: z.strictObject({ 'dynamodb:LeadingKeys': z.literal('false') }),
  })
  .transform((condition) => ({
    patterns: condition['ForAllValues:StringLike']['dynamodb:LeadingKeys'],
  }))

const statementsOf = (name: string): Statement[] => {
  const [roleId] = functionOf(name).Role['Fn::GetAtt']
  const { Policies } = Role.parse(resource(roleId).Properties)
  return Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
}

const actionsOf = (name: string): string[] =>
  [...new Set(statementsOf(name).flatMap(({ Action }) => Action.map(String)))].sort()

describe('functions', () => {
  test('each function has an environment and a handler', () => {
    expect([...functions().keys()].sort()).toEqual([...names].sort())
    expect(readdirSync('handlers').sort()).toEqual(names.map((name) => `${name}.ts`).sort())
  })

  test.each(names)('%s has the environment that it reads, and nothing else', (name) => {
    const shape = Object.entries(environments).find(([key]) => key === name)?.[1].shape ?? {}
    expect(Object.keys(functionOf(name).Environment.Variables).sort()).toEqual(
      Object.keys(shape).sort(),
    )
  })

  test.each(names)('the bundle of %s loads and exports a handler', (name) => {
    const { Handler, Runtime, Architectures } = functionOf(name)
    expect({ Handler, Runtime, Architectures }).toEqual({
      Handler: `handlers/${name}.handler`,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
    })
    const { handler } = z
      .object({ handler: z.unknown() })
      .parse(createRequire(import.meta.url)(bundleOf(name)))
    expect(handler).toBeTypeOf('function')
  })

  test.each(names)(
    'the bundle of %s has the checked configuration, and no code that checks it',
    (name) => {
      const text = readFileSync(bundleOf(name), 'utf8')
      expect(text).toContain('oc-lettings-staging')
      expect(text).not.toContain('is not a known key')
      expect(text).not.toContain('Flow map in block collection')
    },
  )
})

/** What is granted, and what the bundle could call, where the two are meant to differ. */
const neverCalled: Readonly<Record<string, readonly string[]>> = {
  // They share the journal's modules. One only reads (test/contract/operators.test.ts counts what
  // they ask for), the other looks at one head and one revision.
  status: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
  redeploy: ['dynamodb:BatchGetItem', 'dynamodb:Query'],
  alarm: ['dynamodb:Query'],
  rollback: ['dynamodb:Query'],
  cancel: ['dynamodb:Query'],
  freeze: ['dynamodb:Query'],
  unfreeze: ['dynamodb:Query'],
  // It reads no single item (src/page/open.ts).
  open: ['dynamodb:BatchGetItem', 'dynamodb:GetItem'],
  // Its ports leave out what writes, cancels and reads an output whole (src/rollout/plan-facts.ts,
  // src/targets/ec2/look.ts): the types hold it to that.
  plan: [
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'ssm:CancelCommand',
    'ssm:GetCommandInvocation',
  ],
}
/** Granted where an image of landfall.yml is at Amazon ECR (test/repository/configure.test.ts). */
const byConfiguration = ['ecr:GetAuthorizationToken']
/** By Lambda itself: logs, and reconcile's failures into their queue. */
const byLambda = ['logs:CreateLogStream', 'logs:PutLogEvents', 'sqs:SendMessage']

describe('roles', () => {
  test.each(names)('%s may call what its bundle calls, and nothing else', async (name) => {
    const commands = await findSdkActions(name, configuration)
    const others = [...byConfiguration, ...(neverCalled[name] ?? [])]
    const called = commands.filter((action) => !others.includes(action))
    const granted = actionsOf(name).filter((action) => !byLambda.includes(action))
    expect(granted).toEqual(called)
  })

  test('each function has a role of its own', () => {
    const used = names.map((name) => functionOf(name).Role['Fn::GetAtt'][0])
    expect(new Set(used).size).toBe(names.length)
  })

  test.each(names)(
    'the role of %s has no wildcard, except for actions without resources',
    (name) => {
      expect(actionsOf(name).filter((action) => action.includes('*'))).toEqual([])
      const wide = statementsOf(name)
        .filter(({ Resource }) => Resource.includes('*'))
        .flatMap(({ Action }) => Action)
      const known = [
        'cloudwatch:DescribeAlarms',
        'ssm:CancelCommand',
        'ssm:DescribeInstanceInformation',
        'ssm:GetCommandInvocation',
        'ssm:ListCommandInvocations',
        'ec2:DescribeInstances',
        'lambda:GetAccountSettings',
      ]
      expect(known).toEqual(expect.arrayContaining(wide))
    },
  )

  test('roles may send only their documents, and only to instances of the stage', () => {
    const arn = 'arn:${AWS::Partition}'
    const here = '${AWS::Region}:${AWS::AccountId}'
    const sending = names.flatMap((name) =>
      statementsOf(name)
        .filter(({ Action }) => Action.includes('ssm:SendCommand'))
        .map(({ Resource, Condition }) => ({ name, Resource, Condition })),
    )
    const toOurInstances = {
      Resource: [
        { 'Fn::Sub': `${arn}:ec2:${here}:instance/*` },
        { 'Fn::Sub': `${arn}:ssm:${here}:managed-instance/*` },
      ],
      Condition: { StringEquals: { 'ssm:resourceTag/landfall:stage': 'local' } },
    }
    const document = (kind: string) => ({
      'Fn::Sub': `${arn}:ssm:${here}:document/landfall-local-${kind}-*`,
    })
    expect(sending).toEqual([
      {
        name: 'reconcile',
        Resource: [document('prepare'), document('deploy'), document('renew')],
        Condition: undefined,
      },
      { name: 'reconcile', ...toOurInstances },
      { name: 'plan', Resource: [document('plan')], Condition: undefined },
      { name: 'plan', ...toOurInstances },
    ])
  })

  test.each([
    ['webhook', ['circleci', 'docker-hub', 'github']],
    [
      'reconcile',
      ['github-token', 'heroku', 'oc-lettings', 'registry', 'render', 'sentry', 'slack'],
    ],
    ['alarm', []],
    ['redeploy', []],
    ['rollback', []],
    ['cancel', []],
    ['freeze', []],
    ['unfreeze', []],
    ['renew-proxy', []],
    ['status', []],
    ['plan', ['heroku', 'oc-lettings', 'registry', 'render']],
    ['carry', ['heroku']],
    ['open', []],
    ['page', []],
    ['hooks', ['circleci', 'docker-hub', 'github']],
  ])('%s may read only the secrets of landfall.yml that it uses: %j', (name, secrets) => {
    const read = statementsOf(name)
      .filter(({ Action }) => Action.includes('secretsmanager:GetSecretValue'))
      .flatMap(({ Resource }) => Resource.map((one) => JSON.stringify(one)))
    expect(read.map((one) => /secret:landfall\/prod\/(.*)-\?{6}"/.exec(one)?.[1])).toEqual(secrets)
  })

  const journalRights = (name: string, actions: readonly string[]): string[] =>
    statementsOf(name)
      .filter(({ Action }) => actions.some((action) => Action.includes(action)))
      .flatMap(({ Condition }) => Partitions.safeParse(Condition).data?.patterns ?? ['index'])

  const mayTouch = (name: string, { pk }: ItemKey, actions: readonly string[]): boolean =>
    journalRights(name, actions).some((pattern) =>
      pattern.endsWith('*') ? pk.startsWith(pattern.slice(0, -1)) : pk === pattern,
    )

  const operators = ['redeploy', 'rollback', 'cancel', 'freeze', 'unfreeze']
  const at = '2026-11-20T10:00:00.000Z'
  const step = { outcome: 'succeeded', reason: null, message: null, steps: [], tail: [] } as const
  const purpose = { generation: Generation.parse(7), fence: 7, purpose: 'deploy' } as const
  const instance = InstanceId.parse('i-0123456789abcdef0')
  const shop = AppName.parse('shop')
  const revision = RevisionId.parse('a'.repeat(40))

  test.each<[string, ItemKey, readonly string[]]>([
    ['a head', itemKey.head(shop), ['reconcile', 'alarm', ...operators]],
    ['a revision', itemKey.revision(shop, revision), ['webhook', 'reconcile']],
    ['a tag', itemKey.tag(shop), ['webhook', 'reconcile']],
    ['what has arrived', itemKey.seen(shop), ['webhook', 'reconcile']],
    [
      'a receipt',
      itemKey.receipt(DeliveryId.parse('2b1f6a52-5a0e-4a63-8d77-0c6f1f3a9e10')),
      ['webhook'],
    ],
    ['the history', itemKey.deployment(shop, purpose.generation), ['reconcile']],
    ['an operation', itemKey.operation(shop, at, 'x'), ['reconcile', 'alarm', ...operators]],
    ['an alarm', itemKey.alarm(shop, at, 'x'), ['reconcile', 'alarm', ...operators]],
    ['a step', itemKey.step(shop, { ...step, ...purpose, instance, at }), ['reconcile']],
    ['a certificate', itemKey.certificate(instance), ['reconcile']],
    ['a command', itemKey.command('x'), ['reconcile']],
    ['the fleet scan', itemKey.fleetScan(), ['reconcile']],
    ["the proxy's image", itemKey.proxyImage(), ['reconcile']],
    ['a renewal of proxies', itemKey.renewal(), ['reconcile']],
    ['the word for it', itemKey.renewalRequest(), ['renew-proxy']],
    ['what is carried', itemKey.carry('shop', 'web'), ['carry']],
    ['a link to the page', itemKey.signInLink('x'), ['open', 'page']],
    ['a session of the page', itemKey.pageSession('x'), ['open', 'page']],
    ["Heroku's order", itemKey.herokuDeploy('shop', 'web'), ['reconcile']],
    ["Heroku's release", itemKey.herokuRelease('shop', 'web', purpose.generation), ['reconcile']],
  ])('%s can be written by no other function than these', (_, key, writers) => {
    const writing = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem']
    expect(names.filter((name) => mayTouch(name, key, writing))).toEqual(writers)
  })

  test.each([
    ['webhook', ['app#*']],
    [
      'reconcile',
      [
        'app#*',
        'carry#*',
        'command#*',
        'head#*',
        'heroku#*',
        'history#*',
        'index',
        'instance#*',
        'proxy',
        'proxy-request',
        'stage',
      ],
    ],
    ['alarm', ['head#*']],
    ['redeploy', ['app#*', 'head#*']],
    ['rollback', ['head#*']],
    ['cancel', ['head#*']],
    ['freeze', ['head#*']],
    ['unfreeze', ['head#*']],
    ['renew-proxy', []],
    ['status', ['app#*', 'deployment#*', 'head#*', 'history#*', 'index', 'proxy']],
    ['plan', ['app#*', 'head#*', 'heroku#*', 'index', 'proxy']],
    ['carry', ['carry#*']],
    ['open', ['open#*', 'session#*']],
    ['page', ['app#*', 'deployment#*', 'head#*', 'history#*', 'index', 'open#*', 'session#*']],
    ['hooks', []],
  ])('%s can read no other partition of the journal than these: %j', (name, partitions) => {
    const reading = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query']
    expect([...new Set(journalRights(name, reading))].sort()).toEqual(partitions)
  })

  test('a request that names no partition of the journal is refused', () => {
    const open = names.flatMap((name) =>
      statementsOf(name)
        .filter(({ Action }) => JSON.stringify(Action).includes('"dynamodb:'))
        .filter(({ Condition }) => !Partitions.safeParse(Condition).success)
        .map(({ Resource }) => JSON.stringify(Resource)),
    )
    expect(new Set(open)).toEqual(new Set(['[{"Fn::Sub":"${Journal.Arn}/index/open"}]']))
  })

  test("roles may put only Landfall's own events, on the default bus", () => {
    const bus = '${AWS::Region}:${AWS::AccountId}:event-bus/default'
    const putting = names.flatMap((name) =>
      statementsOf(name)
        .filter(({ Action }) => Action.includes('events:PutEvents'))
        .map(({ Resource, Condition }) => ({ name, Resource, Condition })),
    )
    expect(putting).toEqual([
      {
        name: 'reconcile',
        Resource: [{ 'Fn::Sub': `arn:\${AWS::Partition}:events:${bus}` }],
        Condition: {
          'ForAllValues:StringEquals': { 'events:source': ['landfall'] },
          Null: { 'events:source': 'false' },
        },
      },
    ])
  })

  test('only some roles may query open deployments', () => {
    const index = { 'Fn::Sub': '${Journal.Arn}/index/open' }
    const asking = names.filter((name) =>
      statementsOf(name).some(
        ({ Resource }) => JSON.stringify(Resource) === JSON.stringify([index]),
      ),
    )
    expect(asking).toEqual(['reconcile', 'status', 'plan', 'page'])
  })

  test('each role leaves the room that is reckoned for the secrets of landfall.yml', () => {
    for (const name of names) {
      const others = statementsOf(name).filter(
        ({ Action }) => !Action.includes('secretsmanager:GetSecretValue'),
      )
      // Longer than what CloudFormation makes of it, and under a stage's longest name.
      const text = JSON.stringify(others).replaceAll(
        `landfall-${stage}`,
        `landfall-${'x'.repeat(32)}`,
      )
      expect(text.length, name).toBeLessThan(otherPolicyCharacters)
    }
  })

  const statementsOfPolicy = (logicalId: string): Statement[] =>
    ManagedPolicy.parse(resource(logicalId).Properties).PolicyDocument.Statement

  const invokable = (logicalId: string): string[] =>
    statementsOfPolicy(logicalId)
      .filter(({ Action }) => Action.includes('lambda:InvokeFunction'))
      .flatMap(({ Resource }) => Resource.map((one) => JSON.stringify(one)))
      .map(
        (text) =>
          /"(\w+)LambdaFunction"/.exec(text)?.[1]?.toLowerCase().replace('dash', '-') ?? text,
      )
      .sort()

  test('the look policy allows to look and to read logs, and nothing else', () => {
    expect(invokable('LookPolicy')).toEqual(['plan', 'status'])
    const actions = statementsOfPolicy('LookPolicy').flatMap(({ Action }) => Action)
    expect(actions).toEqual([
      'lambda:InvokeFunction',
      'logs:DescribeLogStreams',
      'logs:FilterLogEvents',
    ])
  })

  test('the operator policy allows the operator functions and nothing else', () => {
    const look = statementsOfPolicy('LookPolicy')
    const operator = statementsOfPolicy('OperatorPolicy')
    expect(operator.slice(0, look.length)).toEqual(look)
    expect(operator.slice(look.length)).toMatchObject([{ Action: ['lambda:InvokeFunction'] }])
    expect(invokable('OperatorPolicy')).toEqual(
      ['hooks', 'open', 'plan', ...operators, 'renew-proxy', 'status'].sort(),
    )
  })

  test('the look policy opens the logs of every function of the stage, and of no other stage', () => {
    const [logs] = statementsOfPolicy('LookPolicy').filter(({ Sid }) => Sid === 'Logs')
    const group = (name: string) =>
      `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/landfall-local-${name}`
    const both = (name: string) => [{ 'Fn::Sub': group(name) }, { 'Fn::Sub': `${group(name)}:*` }]
    expect(logs?.Resource).toEqual(names.flatMap(both))
  })

  test('each policy for people fits into a managed policy of 6,144 characters, and has an output', () => {
    for (const logicalId of ['LookPolicy', 'OperatorPolicy']) {
      const text = JSON.stringify(resource(logicalId).Properties['PolicyDocument'])
      expect(text.length).toBeLessThan(6144)
      expect(packaged.template.Outputs).toHaveProperty(logicalId)
    }
  })

  test("only the stage's own rules may put events into the queue of failed nudges", () => {
    const rule = (name: string) => ({
      'Fn::Sub': `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/landfall-local-${name}-rule-*`,
    })
    expect(resource('FailedNudgesPolicy').Properties['PolicyDocument']).toMatchObject({
      Statement: [
        { Condition: { ArnLike: { 'aws:SourceArn': [rule('reconcile'), rule('alarm')] } } },
      ],
    })
    const Rule = z.object({
      Name: z.string(),
      Targets: z.array(z.object({ DeadLetterConfig: z.unknown().optional() })),
    })
    const queued = ofType('AWS::Events::Rule')
      .map(([, { Properties }]) => Rule.parse(Properties))
      .filter(({ Targets }) => Targets.some((one) => one.DeadLetterConfig !== undefined))
    expect(queued.map(({ Name }) => Name)).toEqual([
      'landfall-local-reconcile-rule-2',
      'landfall-local-alarm-rule-1',
    ])
  })
})

describe('documents', () => {
  const logicalIds = {
    prepare: 'PrepareDocument',
    plan: 'PlanDocument',
    deploy: 'DeployDocument',
    renew: 'RenewDocument',
  }
  const senders = { prepare: 'reconcile', plan: 'plan', deploy: 'reconcile', renew: 'reconcile' }

  const contentOf = (kind: DocumentKind): string =>
    z.string().parse(resource(logicalIds[kind]).Properties['Content'])

  const Content = z.object({
    mainSteps: z.tuple([
      z.object({
        action: z.literal('aws:runShellScript'),
        name: z.string(),
        inputs: z.object({ timeoutSeconds: z.literal('1800'), runCommand: z.tuple([z.string()]) }),
      }),
    ]),
  })

  const scriptOf = (kind: DocumentKind): string => {
    const { mainSteps } = Content.parse(JSON.parse(contentOf(kind)))
    return mainSteps[0].inputs.runCommand[0]
  }

  test.each(documentKinds)(
    'the document %s runs host/ byte for byte, without comments and the spaces that only a reader needs',
    (kind) => {
      const packed = /<<'END'.*\n(.*)\nEND\n/.exec(scriptOf(kind))?.[1] ?? ''
      const script = gunzipSync(Buffer.from(packed, 'base64')).toString()
      const parts =
        'running order state network metadata proxy-config proxy live losses inspect image envelope container health switch'
      const files = {
        prepare: ['common', 'tools', 'running', 'metadata', 'prepare'],
        plan: ['common', 'tools', ...parts.split(' '), 'plan'],
        deploy: ['common', ...parts.split(' '), 'deploy'],
        renew: ['common', ...parts.split(' '), 'renew'],
      }[kind]
      const lean = files.map((file) =>
        readFileSync(`host/${file}.sh`, 'utf8')
          .split('\n')
          .filter((line) => !line.trimStart().startsWith('#'))
          .map((line) => line.replace(/^ +/, '').replace(/^(\w+\(\) [{(]) #.*/, '$1'))
          .join('\n')
          .replaceAll(' \\\n', ' ')
          .replaceAll(/^\}\n\n/gm, '}\n')
          .replaceAll(/^(\w+) +(\w+\+?) +\^/gm, '$1 $2 ^'),
      )
      expect(script).toBe(['#!/usr/bin/env bash\n', ...lean].join(''))
    },
  )

  test.each(documentKinds)('the document %s can be unpacked as its first lines say', (kind) => {
    const file = join(packaged.directory, `${kind}.sh`)
    writeFileSync(file, scriptOf(kind))
    const command = /^#   (grep .*)$/m.exec(scriptOf(kind))?.[1]?.replace('FILE', file) ?? 'false'
    const read = execFileSync('bash', ['-c', command], { encoding: 'utf8' })
    expect(read).toBe(renderScript(kind))
  })

  test.each(documentKinds)(
    'the document %s is named after its content, and its sender uses this name',
    (kind) => {
      const { Name } = resource(logicalIds[kind]).Properties
      const hash = createHash('sha256').update(contentOf(kind)).digest('hex')
      expect(Name).toBe(`landfall-local-${kind}-${hash.slice(0, 8)}`)
      const { Variables } = functionOf(senders[kind]).Environment
      expect(Variables[`${kind.toUpperCase()}_DOCUMENT`]).toBe(Name)
    },
  )
})

describe('events', () => {
  const Rule = z.object({
    ScheduleExpression: z.string().optional(),
    EventPattern: z.unknown().optional(),
    Targets: z.array(z.object({ RetryPolicy: z.unknown() })),
  })
  const rules = () =>
    ofType('AWS::Events::Rule').map(([, { Properties }]) => Rule.parse(Properties))

  test('reconcile is invoked every minute, and when a command of Landfall ends', () => {
    expect(rules().map(({ ScheduleExpression }) => ScheduleExpression)).toEqual([
      'rate(1 minute)',
      undefined,
      undefined,
    ])
    expect(rules()[1]?.EventPattern).toEqual({
      source: ['aws.ssm'],
      'detail-type': ['EC2 Command Invocation Status-change Notification'],
      detail: {
        'document-name': [
          { prefix: 'landfall-local-prepare-' },
          { prefix: 'landfall-local-deploy-' },
        ],
        status: ['Success', 'Failed', 'TimedOut', 'Cancelled'],
      },
    })
  })

  test('alarm is invoked for the alarms that landfall.yml names, by ARN, and no other', () => {
    const here = '${AWS::Region}:${AWS::AccountId}'
    expect(rules()[2]?.EventPattern).toEqual({
      source: ['aws.cloudwatch'],
      'detail-type': ['CloudWatch Alarm State Change'],
      resources: [{ 'Fn::Sub': `arn:\${AWS::Partition}:cloudwatch:${here}:alarm:oc-lettings-5xx` }],
      detail: { state: { value: ['ALARM'] } },
    })
  })

  test('events and nudges are not retried, and alarms are for ten minutes', () => {
    const once = { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 }
    const again = { MaximumRetryAttempts: 10, MaximumEventAgeInSeconds: 600 }
    expect(rules().flatMap(({ Targets }) => Targets.map(({ RetryPolicy }) => RetryPolicy))).toEqual(
      [once, once, again],
    )
    expect(
      ofType('AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => Properties),
    ).toEqual([
      expect.objectContaining({
        ...once,
        DestinationConfig: {
          OnFailure: { Destination: { 'Fn::GetAtt': ['FailedNudges', 'Arn'] } },
        },
      }),
      expect.objectContaining({ MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 600 }),
      expect.objectContaining(once),
    ])
  })
})

describe('the API', () => {
  const Stage = z.object({
    AccessLogSettings: z.object({ Format: z.string() }),
    DefaultRouteSettings: z.object({
      ThrottlingRateLimit: z.number(),
      ThrottlingBurstLimit: z.number(),
    }),
  })

  test('the API sends every request to webhook, but those for the page', () => {
    const keys = ofType('AWS::ApiGatewayV2::Route').map(
      ([, { Properties }]) => Properties['RouteKey'],
    )
    expect(keys).toEqual([
      'POST /hooks/github',
      'POST /hooks/circleci',
      'POST /hooks/docker-hub/{app}/{token}',
      'GET /healthz',
      '$default',
      'GET /',
      'GET /app/{app}',
      'POST /app/{app}',
      'GET /app/{app}/{number}',
      'GET /open',
      'POST /open',
      'POST /leave',
      'GET /assets/{file}',
    ])
  })

  test('the API logs the route and never the path, which may end in a token', () => {
    const { Format } = Stage.parse(resource('HttpApiStage').Properties).AccessLogSettings
    const variables = Format.match(/\$context\.[\w.]+/g) ?? []
    expect(variables).toContain('$context.routeKey')
    expect(variables.filter((one) => /path|uri|domain|authorizer/i.test(one))).toEqual([])
    const line: unknown = JSON.parse(Format.replaceAll(/\$context\.[\w.]+/g, 'x'))
    expect(line).toMatchObject({ route: 'x', status: 'x' })
  })

  test('the log of the API needs no room in the policy that all log deliveries of an account share', () => {
    expect(resource('HttpApiLogGroup').Properties).toMatchObject({
      LogGroupName: '/aws/vendedlogs/landfall-local-api',
      RetentionInDays: 30,
    })
    expect(resource('HttpApiStage').Properties).toMatchObject({
      AccessLogSettings: { DestinationArn: { 'Fn::GetAtt': ['HttpApiLogGroup', 'Arn'] } },
    })
  })

  test('the API is throttled', () => {
    const { DefaultRouteSettings } = Stage.parse(resource('HttpApiStage').Properties)
    expect(DefaultRouteSettings.ThrottlingRateLimit).toBeLessThanOrEqual(100)
    expect(DefaultRouteSettings.ThrottlingBurstLimit).toBeLessThanOrEqual(200)
  })
})

describe('what is kept', () => {
  test('the journal outlives the stack and can be restored', () => {
    const { DeletionPolicy, UpdateReplacePolicy, Properties } = resource('Journal')
    expect({ DeletionPolicy, UpdateReplacePolicy }).toEqual({
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    })
    expect(Properties).toMatchObject({
      TableName: 'landfall-local',
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      GlobalSecondaryIndexes: [{ IndexName: 'open' }],
    })
  })

  test('every log group has a retention', () => {
    const groups = ofType('AWS::Logs::LogGroup')
    expect(groups.length).toBe(names.length + 1)
    for (const [, { Properties }] of groups) expect(Properties['RetentionInDays']).toBe(30)
  })

  test('every alarm notifies the topic', () => {
    const alarms = ofType('AWS::CloudWatch::Alarm')
    expect(alarms.length).toBeGreaterThanOrEqual(6)
    for (const [, { Properties }] of alarms)
      expect(Properties['AlarmActions']).toEqual([{ Ref: 'AlarmTopic' }])
  })

  test.each(['webhook', 'reconcile', 'alarm'])('a crash of %s raises an alarm', (name) => {
    const alarms = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties)
    const [errors, ...others] = alarms.filter(
      ({ AlarmName }) => AlarmName === `landfall-local-${name}-errors`,
    )
    expect(others).toEqual([])
    expect(errors).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Dimensions: [{ Name: 'FunctionName', Value: `landfall-local-${name}` }],
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
    })
  })

  test('alarms count errors in the log, not the answers to unverified requests', () => {
    const namespaces = ofType('AWS::CloudWatch::Alarm').map(
      ([, { Properties }]) => Properties['Namespace'],
    )
    expect(namespaces).not.toContain('AWS/ApiGateway')
    const Filter = z.object({
      LogGroupName: z.object({ Ref: z.literal('WebhookLogGroup') }),
      FilterPattern: z.string(),
      MetricTransformations: z.tuple([
        z.object({ MetricNamespace: z.string(), MetricName: z.string() }),
      ]),
    })
    const { FilterPattern, MetricTransformations } = Filter.parse(
      resource('WebhookErrorLines').Properties,
    )
    const [, field = '', wanted] = /^\{ \$\.(\w+) = "(\w+)" \}$/.exec(FilterPattern) ?? []
    const lines: string[] = []
    const log = createLog({}, (line) => lines.push(line))
    log.error('x')
    log.warn('x')
    log.info('x')
    const found = lines.map((line) => z.record(z.string(), Text).parse(JSON.parse(line))[field])
    expect(found.map((value) => value === wanted)).toEqual([true, false, false])
    const [{ MetricNamespace, MetricName }] = MetricTransformations
    expect(resource('WebhookErrorLinesAlarm').Properties).toMatchObject({
      Namespace: MetricNamespace,
      MetricName,
      Threshold: 1,
    })
  })

  test('an altered head raises an alarm', () => {
    const source = readFileSync('src/rollout/find-altered.ts', 'utf8')
    const [, message = 'none'] = /log\.error\('([^']+)'/.exec(source) ?? []
    expect(resource('HeadAlteredLines').Properties).toMatchObject({
      LogGroupName: { Ref: 'ReconcileLogGroup' },
      FilterPattern: `{ $.message = "${message}" }`,
      MetricTransformations: [{ MetricName: 'local-head-altered-lines' }],
    })
    expect(resource('HeadAlteredAlarm').Properties).toMatchObject({
      MetricName: 'local-head-altered-lines',
      Threshold: 1,
    })
  })

  test('an instance may use Systems Manager and read nothing', () => {
    const text = JSON.stringify(resource('InstanceRole').Properties)
    expect(text).not.toMatch(/GetParameter|GetSecret|s3:|"ssm:\*|"\*:/)
    expect(packaged.template.Outputs).toHaveProperty('InstanceProfile')
  })
})

test('the template has characters of ASCII only, for CloudFormation shows ? in place of others', () => {
  expect(JSON.stringify(packaged.template).match(/[^\x20-\x7e]+/g) ?? []).toEqual([])
})

test('another stage has other names everywhere', () => {
  vi.stubEnv('LANDFALL_CONFIG', configuration)
  expect(buildDocument('deploy', 'prod').name).toMatch(/^landfall-prod-deploy-[0-9a-f]{8}$/)
  vi.unstubAllEnvs()
})
