import { describe, expect, it } from 'vitest'
import { toService, toTemplate } from '../../local/aws/index.ts'
import { account } from '../support/local-aws.ts'

const Lambda = 'AWS::Lambda::Function'
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
  AlarmConfig: {
    Type: 'AWS::Lambda::EventInvokeConfig',
    Properties: { FunctionName: { Ref: 'Alarm' }, MaximumRetryAttempts: 0 },
  },
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
  const template = toTemplate(JSON.stringify({ Resources: resources }), account)
  const service = toService(template, (archive) => `/bundles/${archive}`)
  const functionName = 'landfall-local-alarm'

  it('says how each function is run, with its variables resolved', () => {
    expect(service.functions).toEqual([
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
      },
    ])
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
