import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { configuredParts } from '../../../packaging/template.ts'
import { parseConfiguration } from '../../../src/config/read.ts'

const toApps = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `app-${index}`,
      {
        repository: `acme/app-${index}`,
        image: `acme/app-${index}`,
        requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
        secrets: `landfall/prod/app-${index}`,
        targets: [
          { ec2: { instances: { tag: `Name=app-${index}` }, port: 8000, publish: 8000 + index } },
        ],
      },
    ]),
  )

const key = 'arn:aws:kms:eu-west-3:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'

const configure = (apps: number, kms: readonly string[] = []) => {
  const sources = { github: { secret: 'landfall/prod/github' } }
  const text = stringify({ sources, kms, apps: toApps(apps) })
  const parsed = parseConfiguration(text, 'landfall.yml')
  if (!parsed.ok) throw new Error(parsed.error.join('\n'))
  return configuredParts(parsed.value.configuration, 'prod')
}

test('fifty apps, each with a secret of its own, fit into the policy of a role', () => {
  expect(configure(50).secretArns.reconcile).toHaveLength(50)
})

test('secrets that IAM would not take in one role are refused when the stack is packaged', () => {
  expect(() => configure(80)).toThrow(
    /^landfall\.yml names 80 secrets that reconcile reads\..* 10240 characters .* stage of their own/,
  )
})

test('each secret is counted by its ARN in GovCloud, which has the longest', () => {
  const arn =
    'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:landfall/prod/app-0-??????'
  // Quotes and a comma; the numbers from 10 on have one more digit.
  expect(() => configure(80)).toThrow(`they need ${80 * (arn.length + 3) + 70} and have`)
})

test('the keys that decrypt the secrets count as well', () => {
  expect(() =>
    configure(
      50,
      Array.from({ length: 10 }, () => key),
    ),
  ).toThrow('landfall.yml names 50 secrets')
})
