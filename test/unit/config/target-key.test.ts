import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/read.ts'

const toFile = (...targets: readonly string[]): string =>
  [
    'sources:',
    '  github: { secret: landfall/github }',
    'apps:',
    '  shop:',
    '    repository: acme/shop',
    '    image: acme/shop',
    '    requires: [{ ci: github, workflow: CI }, image]',
    '    targets:',
    ...targets.map((target) => `      - ${target}`),
    '',
  ].join('\n')

const tagged = (tag: string) => `ec2: { instances: { tag: "${tag}" }, port: 80, publish: 80 }`
const listed = (...ids: readonly string[]) =>
  `ec2: { instances: { ids: [${ids.join(', ')}] }, port: 80, publish: 81 }`
const render = 'render: { service: srv-1, token: landfall/render }'
const heroku = 'heroku: { app: shop, process: worker, token: landfall/heroku }'

const keysOf = (...targets: readonly string[]) => {
  const parsed = parseConfiguration(toFile(...targets), 'landfall.yml')
  if (!parsed.ok) throw new Error(parsed.error.join('\n'))
  return parsed.value.configuration.apps.flatMap((app) => app.targets.map(({ key }) => key))
}

test('gives a target a key by where it deploys to', () => {
  expect(
    keysOf(tagged('Name=shop=a b'), listed('i-00000001', 'i-00000002'), render, heroku),
  ).toEqual(['ec2:Name=shop=a b', 'ec2:i-00000001', 'render:srv-1', 'heroku:shop'])
})

test('keeps the keys of targets in a reordered file and with more ids', () => {
  expect(keysOf(heroku, render, listed('i-00000001', 'i-00000003', 'i-00000000'))).toEqual([
    'heroku:shop',
    'render:srv-1',
    'ec2:i-00000001',
  ])
})

test.each([
  ['service of Render', render, 'render.service'],
  ['app of Heroku', heroku, 'heroku.app'],
])('reports two targets for one %s, with line and path', (_, target, path) => {
  const parsed = parseConfiguration(toFile(tagged('Name=shop'), target, target), 'landfall.yml')
  expect(parsed.ok ? [] : parsed.error).toEqual([
    expect.stringMatching(
      new RegExp(
        `^landfall\\.yml:11:\\d+ apps\\.shop\\.targets\\[2\\]\\.${path}: is also where apps\\.shop\\.targets\\[1\\] deploys to; an app needs one target for it`,
      ),
    ),
  ])
})
