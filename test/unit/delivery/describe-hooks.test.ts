import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { createDescribeHooks } from '../../../src/delivery/describe-hooks.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed, type Result } from '../../../src/kernel/result.ts'
import type { SourceSecrets } from '../../../src/sources/source.ts'
import { appOf } from '../../support/apps.ts'

const secretOf = (value: string): Result<SourceSecrets, 'secret_unavailable'> =>
  succeed({
    current: new Redacted(value),
    previous: null,
    currentCreatedAt: '2026-01-01T00:00:00.000Z',
  })
const unavailable = fail('secret_unavailable' as const)

const loaded = {
  github: secretOf('planted-1'),
  circleci: secretOf('planted-2'),
  'docker-hub': secretOf('planted-3'),
}

const shop = appOf('shop', { image: 'acme/shop' })
const intranet = appOf('intranet', {
  image: 'registry.example:5000/intranet',
  repository: null,
  requires: [{ kind: 'image' }],
})

const blog = appOf('blog', { requires: [{ kind: 'ci', ci: 'circleci', workflow: 'build' }] })

const hooks = (secrets: Partial<typeof loaded> = {}) =>
  createDescribeHooks({
    sources: {
      github: { secret: 'landfall/prod/github' },
      circleci: { secret: 'landfall/prod/circleci' },
      'docker-hub': { secret: 'landfall/prod/docker-hub' },
    },
    apps: [shop, intranet, blog],
    apiUrl: 'https://api.example',
    secrets: { load: (source) => Promise.resolve({ ...loaded, ...secrets }[source]) },
  })

test('describes what to enter at GitHub and Docker Hub', async () => {
  const token = createHmac('sha256', 'planted-3').update('docker-hub:shop').digest('hex')
  expect(await hooks()(shop)).toEqual([
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
          events: ['every push of an image; there is nothing to select'],
          secret: 'none: the URL contains it, so keep the URL as secret as a password',
        },
      ],
    },
  ])
})

test('describes the hooks of every app where none is named', async () => {
  expect(await hooks()(null)).toMatchObject([
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

test('names the secret that cannot be used, and computes no URL from it', async () => {
  const fault = 'does not exist, cannot be read or is shorter than 16 characters'
  expect(await hooks({ github: unavailable, 'docker-hub': unavailable })(shop)).toMatchObject([
    {
      hooks: [
        { sender: 'GitHub', secret: `the secret landfall/prod/github ${fault}` },
        { url: null, secret: `the secret landfall/prod/docker-hub ${fault}` },
      ],
    },
  ])
})

test('says which sources have one value as their secret, without the value', async () => {
  const same = secretOf('planted-1')
  const described = await hooks({ circleci: same, 'docker-hub': same })(blog)
  const [github, circleci, hub] = ['github', 'circleci', 'docker-hub'].map(
    (name) => `landfall/prod/${name}`,
  )
  const advice = 'give each source its own'
  expect(described).toMatchObject([
    {
      hooks: [
        { secret: `the secret ${github} has the value of ${circleci} and ${hub}: ${advice}` },
        { secret: `the secret ${circleci} has the value of ${github} and ${hub}: ${advice}` },
        { secret: `the secret ${hub} has the value of ${github} and ${circleci}: ${advice}` },
      ],
    },
  ])
  expect(JSON.stringify(described)).not.toContain('planted')
})
