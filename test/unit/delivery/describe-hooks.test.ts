import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { createDescribeHooks } from '../../../src/delivery/describe-hooks.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed, type Result } from '../../../src/kernel/result.ts'
import type { SourceSecrets } from '../../../src/sources/source.ts'
import { appOf } from '../../support/apps.ts'

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

const blog = appOf('blog', { requires: [{ kind: 'ci', ci: 'circleci', workflow: 'build' }] })

const hooks = (dockerHub: Result<SourceSecrets, 'secret_unavailable'> = succeed(secret)) =>
  createDescribeHooks({
    sources: {
      github: { secret: 'landfall/prod/github' },
      circleci: { secret: 'landfall/prod/circleci' },
      'docker-hub': { secret: 'landfall/prod/docker-hub' },
    },
    apps: [shop, intranet, blog],
    apiUrl: 'https://api.example',
    secrets: { load: () => Promise.resolve(dockerHub) },
  })

test('describes what to enter at GitHub and Docker Hub', async () => {
  const token = createHmac('sha256', 's3cret').update('docker-hub:shop').digest('hex')
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

test('names the secret to create where the URL cannot be computed', async () => {
  expect(await hooks(fail('secret_unavailable'))(shop)).toMatchObject([
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
