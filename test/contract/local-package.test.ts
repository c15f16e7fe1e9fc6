import { describe, expect, it } from 'vitest'
import { toGrants, toService, toTemplate } from '../../local/aws/index.ts'
import { account } from '../support/local-aws.ts'

const Lambda = 'AWS::Lambda::Function'
const Version = '2012-10-17'
const trust = (Service: string) => ({
  Version,
  Statement: [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }],
})
const allow = (Action: string, Resource: unknown) => ({
  Version,
  Statement: [{ Effect: 'Allow', Action, Resource }],
})
const Conditions = { HasBoundary: { 'Fn::Not': [{ 'Fn::Equals': ['', ''] }] } }
const resources = {
  Journal: {
    Type: 'AWS::DynamoDB::Table',
    Properties: {
      TableName: 'landfall-local',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    },
  },
  Alarm: {
    Type: Lambda,
    Properties: {
      FunctionName: 'landfall-local-alarm',
      Handler: 'handlers/alarm.handler',
      Role: { 'Fn::GetAtt': ['AlarmRole', 'Arn'] },
      Timeout: 10,
      Environment: {
        Variables: {
          TABLE_NAME: { Ref: 'Journal' },
          OWNER: { 'Fn::Sub': '${AWS::AccountId}/${AWS::Region}/local' },
          ARN: { 'Fn::GetAtt': ['Journal', 'Arn'] },
          JOINED: { 'Fn::Join': ['-', ['a', { Ref: 'AWS::Partition' }]] },
          PICKED: { 'Fn::Select': [1, { 'Fn::Split': [',', 'x,y'] }] },
        },
      },
      Code: { S3Bucket: { Ref: 'Bucket' }, S3Key: 'serverless/landfall/1/alarm.zip' },
    },
  },
  AlarmRole: {
    Type: 'AWS::IAM::Role',
    Properties: {
      PermissionsBoundary: { 'Fn::If': ['HasBoundary', 'arn', { Ref: 'AWS::NoValue' }] },
      AssumeRolePolicyDocument: trust('lambda.amazonaws.com'),
      Policies: [
        {
          PolicyName: 'alarm',
          PolicyDocument: allow('dynamodb:GetItem', { 'Fn::GetAtt': ['Journal', 'Arn'] }),
        },
      ],
    },
  },
  DecryptPolicy: {
    Type: 'AWS::IAM::Policy',
    Properties: {
      PolicyName: 'decrypt',
      PolicyDocument: allow('kms:Decrypt', '*'),
      Roles: [{ Ref: 'AlarmRole' }],
    },
  },
  InstanceRole: {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: trust('ec2.amazonaws.com'),
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore'],
    },
  },
  AlarmConfig: {
    Type: 'AWS::Lambda::EventInvokeConfig',
    Properties: {
      FunctionName: { Ref: 'Alarm' },
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Failed', 'Arn'] } } },
    },
  },
  Failed: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'failed' } },
  Rule: {
    Type: 'AWS::Events::Rule',
    Properties: {
      EventPattern: {
        resources: [{ 'Fn::Sub': 'arn:aws:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:a' }],
      },
      Targets: [{ Arn: { 'Fn::GetAtt': ['Alarm', 'Arn'] }, Id: 'x' }],
    },
  },
  Clock: {
    Type: 'AWS::Events::Rule',
    Properties: {
      Name: 'clock',
      ScheduleExpression: 'rate(1 minute)',
      Targets: [{ Arn: { 'Fn::GetAtt': ['Alarm', 'Arn'] }, Id: 'x', Input: '{"tick":true}' }],
    },
  },
  Off: {
    Type: 'AWS::Events::Rule',
    Properties: { Name: 'off', State: 'DISABLED', ScheduleExpression: 'rate(1 hour)', Targets: [] },
  },
  Integration: {
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: { IntegrationUri: { 'Fn::GetAtt': ['Alarm', 'Arn'] } },
  },
  Route: {
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      RouteKey: 'POST /hooks/github',
      Target: { 'Fn::Join': ['/', ['integrations', { Ref: 'Integration' }]] },
    },
  },
  Document: {
    Type: 'AWS::SSM::Document',
    Properties: { Name: 'landfall-local-deploy-1', Content: '{"schemaVersion":"2.2"}' },
  },
}

describe('a packaged template', () => {
  const template = toTemplate(JSON.stringify({ Conditions, Resources: resources }), account)
  const service = toService(template, (archive) => `/bundles/${archive}`)
  const functionName = 'landfall-local-alarm'

  it('says how each function is run, with its variables resolved', () => {
    expect(service.functions).toMatchObject([
      {
        name: functionName,
        logicalId: 'Alarm',
        directory: '/bundles/alarm.zip',
        handler: 'handlers/alarm.handler',
        timeoutSeconds: 10,
        memoryMegabytes: 128,
        environment: {
          TABLE_NAME: 'landfall-local',
          OWNER: '000000000000/eu-west-3/local',
          ARN: 'arn:aws:dynamodb:eu-west-3:000000000000:table/landfall-local',
          JOINED: 'a-aws',
          PICKED: 'y',
        },
        retries: 0,
        maximumAgeSeconds: 21_600,
        failureDestination: 'arn:aws:sqs:eu-west-3:000000000000:failed',
      },
    ])
  })

  it('says what the role of each function allows, by policies of its own and shared ones', () => {
    const [role] = service.functions.map(({ role }) => role)
    expect(role?.name).toBe('AlarmRole')
    expect(role?.statements.flatMap(toGrants)).toEqual([
      'AlarmRole/alarm[0]: dynamodb:GetItem on arn:aws:dynamodb:eu-west-3:000000000000:table/landfall-local',
      'AlarmRole/decrypt[0]: kms:Decrypt on *',
    ])
  })

  it.each([
    ['a managed policy', { ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }],
    ['a boundary', { PermissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
    [
      'an action by exclusion',
      {
        Policies: [
          {
            PolicyName: 'alarm',
            PolicyDocument: {
              Version,
              Statement: [{ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }],
            },
          },
        ],
      },
    ],
  ])('is refused where a role has what cannot be judged: %s', (_what, more) => {
    const { AlarmRole } = resources
    const Properties = { ...AlarmRole.Properties, ...more }
    const changed = { ...resources, AlarmRole: { ...AlarmRole, Properties } }
    const other = toTemplate(JSON.stringify({ Conditions, Resources: changed }), account)
    expect(() => toService(other, (archive) => archive)).toThrow('AlarmRole')
  })

  it.each([
    ['AWS::IAM::ManagedPolicy', { Roles: [{ Ref: 'AlarmRole' }] }],
    ['AWS::IAM::RolePolicy', { RoleName: { Ref: 'AlarmRole' }, PolicyName: 'more' }],
  ])('is refused where a role has rights from outside that are not judged: %s', (Type, more) => {
    const Properties = { PolicyDocument: allow('iam:*', '*'), ...more }
    const Resources = { ...resources, More: { Type, Properties } }
    const other = toTemplate(JSON.stringify({ Conditions, Resources }), account)
    expect(() => toService(other, (archive) => archive)).toThrow('More')
  })

  it('says which events and which clock wake which function', () => {
    expect(service.rules).toEqual([
      {
        name: 'Rule',
        pattern: { resources: ['arn:aws:cloudwatch:eu-west-3:000000000000:alarm:a'] },
        targets: [{ functionName, input: undefined }],
      },
    ])
    expect(service.schedules).toEqual([
      { ruleName: 'clock', seconds: 60, functionName, input: { tick: true } },
    ])
  })

  it('says what the API serves, which documents there are and how the table is made', () => {
    expect(service.routes).toEqual([{ routeKey: 'POST /hooks/github', functionName }])
    expect(service.documents).toEqual([
      { name: 'landfall-local-deploy-1', text: '{"schemaVersion":"2.2"}' },
    ])
    expect(service.tables).toEqual([
      {
        TableName: 'landfall-local',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
    ])
  })
})
