import { createHmac } from 'node:crypto'
import { beforeAll, expect, test, vi } from 'vitest'
import { composeHooks } from '../../../src/compose/hooks.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed, type Result } from '../../../src/kernel/result.ts'
import type { SourceSecrets } from '../../../src/sources/source.ts'
import { appOf, configurationOf } from '../../support/apps.ts'

beforeAll(() => {
  vi.stubEnv('SENTRY_DSN', '')
})

const secret: SourceSecrets = {
  current: new Redacted('s3cret'),
  previous: null,
  currentCreatedAt: '2026-01-01T00:00:00.000Z',
}

const shop = appOf('shop', { image: 'acme/shop' })
const intranet = appOf('intranet', {
  image: 'registry.example:5000/intranet',
  repository: null,
  requires: [{ kind: 'image' }],
})

const hooks = (dockerHub: Result<SourceSecrets, 'secret_unavailable'> = succeed(secret)) =>
  composeHooks(() => ({
    configuration: {
      ...configurationOf(
        shop,
        intranet,
        appOf('blog', { requires: [{ kind: 'ci', ci: 'circleci', workflow: 'build' }] }),
      ),
      sources: {
        github: { secret: 'landfall/prod/github' },
        circleci: { secret: 'landfall/prod/circleci' },
        'docker-hub': { secret: 'landfall/prod/docker-hub' },
      },
    },
    apiUrl: 'https://api.example',
    secrets: {
      load: () => Promise.resolve(dockerHub),
      refresh: () => Promise.resolve(dockerHub),
    },
  }))

test('answers what to enter at GitHub and Docker Hub', async () => {
  const token = createHmac('sha256', 's3cret').update('docker-hub:shop').digest('hex')
  expect(await hooks()({ app: 'shop' })).toEqual([
    {
      app: 'shop',
      hooks: [
        {
          sender: 'GitHub',
          page: 'https://github.com/acme/oc-lettings/settings/hooks/new',
          url: 'https://api.example/hooks/github',
          contentType: 'application/json',
          events: ['Pushes', 'Workflow runs'],
          secret: 'the value of the secret landfall/prod/github',
        },
        {
          sender: 'Docker Hub',
          page: 'https://hub.docker.com/repository/docker/acme/shop/webhooks',
          url: `https://api.example/hooks/docker-hub/shop/${token}`,
          contentType: 'application/json',
          events: ['every push of an image; there is nothing to tick'],
          secret: 'none: the URL holds it, so keep the URL as you keep a password',
        },
      ],
    },
  ])
})

test('answers for every app where none is named, each with the hooks of its own senders', async () => {
  expect(await hooks()({})).toMatchObject([
    { app: 'shop', hooks: [{ sender: 'GitHub' }, { sender: 'Docker Hub' }] },
    { app: 'intranet', hooks: [] },
    {
      app: 'blog',
      hooks: [
        { sender: 'GitHub', events: ['Pushes'] },
        {
          sender: 'CircleCI',
          page: 'https://app.circleci.com/settings/project/github/acme/oc-lettings/webhooks',
          url: 'https://api.example/hooks/circleci',
          events: ['workflow-completed'],
          secret: 'the value of the secret landfall/prod/circleci',
        },
        { sender: 'Docker Hub' },
      ],
    },
  ])
})

test('says which secret to create where there is none to make a URL with', async () => {
  expect(await hooks(fail('secret_unavailable'))({ app: 'shop' })).toMatchObject([
    {
      hooks: [
        { sender: 'GitHub' },
        {
          url: null,
          secret: 'the secret landfall/prod/docker-hub could not be read: create it first',
        },
      ],
    },
  ])
})

test.each([
  ['an unknown app', { app: 'shopp' }, 'app_unknown'],
  ['a misspelt key', { apps: 'shop' }, 'input_invalid'],
])('refuses %s', async (_, input, reason) => {
  expect(await hooks()(input)).toMatchObject({ outcome: 'refused', reason })
})
