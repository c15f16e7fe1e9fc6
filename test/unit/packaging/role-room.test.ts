import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { configuredParts } from '../../../packaging/template.ts'
import { parseConfiguration } from '../../../src/config/read.ts'

const atEcr = '123456789012.dkr.ecr.eu-west-3.amazonaws.com/'

const toApps = (count: number, host = '') =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `app-${index}`,
      {
        repository: `acme/app-${index}`,
        image: `${host}acme/app-${index}`,
        requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
        secrets: `landfall/prod/app-${index}`,
        targets: [
          { ec2: { instances: { tag: `Name=app-${index}` }, port: 8000, publish: 8000 + index } },
        ],
      },
    ]),
  )

const key = 'arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'

const configure = (apps: number, kms: readonly string[] = [], host = '') => {
  const sources = { github: { secret: 'landfall/prod/github' } }
  const text = stringify({ sources, kms, apps: toApps(apps, host) })
  const parsed = parseConfiguration(text, 'landfall.yml')
  if (!parsed.ok) throw new Error(parsed.error.join('\n'))
  return configuredParts(parsed.value.configuration, 'prod')
}

test('fifty apps, each with a secret of its own, fit into the policy of a role', () => {
  expect(configure(50).secretArns.reconcile).toHaveLength(50)
})

test('secrets that IAM would not take in one role are refused when the stack is packaged', () => {
  expect(() => configure(80)).toThrow(
    /^landfall\.yml names more than the role of reconcile has room for: .* 10240 characters .* secrets \(80\) .* stage of their own/,
  )
})

test('each secret is counted by its ARN in GovCloud, which has the longest', () => {
  const arn =
    'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:landfall/prod/app-0-??????'
  // Quotes and a comma; the numbers from 10 on have one more digit.
  expect(() => configure(80)).toThrow(`(80) need ${80 * (arn.length + 3) + 70}, `)
})

test('the keys that decrypt the secrets count as well', () => {
  expect(() =>
    configure(
      50,
      Array.from({ length: 10 }, () => key),
    ),
  ).toThrow('secrets (50)')
})

test('thirty apps, each with a secret and a repository of Amazon ECR of its own, fit into the policies of a role', () => {
  const { resources } = configure(30, [], atEcr)
  expect(JSON.stringify(resources['ImagesPolicy'])).toContain('repository/acme/app-29')
})

test('the repositories of Amazon ECR count as well, and the error says what to share', () => {
  expect(() => configure(40, [], atEcr)).toThrow(
    /role of reconcile .* repositories of Amazon ECR \d+, .* let apps share secrets or repositories, or deploy/,
  )
})

test('each repository of Amazon ECR is counted by its ARN in GovCloud, with the policy around them', () => {
  const arns = Array.from(
    { length: 50 },
    (_, index) => `arn:aws-us-gov:ecr:eu-west-3:123456789012:repository/acme/app-${index}`,
  )
  const allow = (action: string, resource: string) =>
    `{"Effect":"Allow","Action":${action},"Resource":${resource}}`
  const pull = '["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]'
  const statements = [
    allow('"ecr:GetAuthorizationToken"', '"*"'),
    allow(pull, JSON.stringify(arns)),
  ]
  const document = `{"Version":"2012-10-17","Statement":[${statements.join()}]}`
  expect(() => configure(50, [], atEcr)).toThrow(`repositories of Amazon ECR ${document.length}, `)
})
