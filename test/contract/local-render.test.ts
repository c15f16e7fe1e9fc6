import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { onceFor } from '../../local/base/vendor.ts'
import { startRender, type RenderServer } from '../../local/render/render.ts'

const id = 'srv-000000000000000000g0'
const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`
const imageOf = (letter: string): string => `docker.io/acme/shop@${digestOf(letter)}`

const Deploy = z.looseObject({
  id: z.string(),
  status: z.string(),
  image: z.object({
    ref: z.string(),
    sha: z.string().optional(),
    registryCredential: z.string().optional(),
  }),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
})
const Listed = z.array(z.object({ cursor: z.string(), deploy: Deploy }))
const Variables = z.array(
  z.object({ cursor: z.string(), envVar: z.object({ key: z.string(), value: z.string() }) }),
)

describe('the local Render', () => {
  let server: RenderServer
  let at = Date.parse('2026-03-02T10:00:00Z')
  const pass = (seconds: number): void => void (at += seconds * 1000)

  beforeEach(async () => {
    server = await startRender({
      isToken: (token) => token === 'rnd_key',
      services: [{ id }],
      now: () => new Date(at),
    })
  })
  afterEach(() => server.stop())

  const ask = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(new URL(`/v1/services/${id}${path}`, server.url), {
      method,
      headers: {
        authorization: 'Bearer rnd_key',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const deploy = async (letter: string) =>
    Deploy.parse(await (await ask('POST', '/deploys', { imageUrl: imageOf(letter) })).json())
  const read = async (deployId: string) =>
    Deploy.parse(await (await ask('GET', `/deploys/${deployId}`)).json())
  const list = async (query = '') =>
    Listed.parse(await (await ask('GET', `/deploys${query}`)).json()).map((one) => one.deploy)
  const letterOf = (sha: string | null | undefined): string | undefined => sha?.at(-1)

  it('lets in only who has an API key, and tells nobody else what is there', async () => {
    expect((await ask('GET', '', undefined, { authorization: 'Bearer rnd_other' })).status).toBe(
      401,
    )
    expect((await ask('GET', '', undefined, { authorization: 'rnd_key' })).status).toBe(401)
    expect((await ask('GET', '/nothing', undefined, { authorization: '' })).status).toBe(401)
    expect(server.violations).toEqual([])
  })

  it('describes a service that runs an image, and one built from a repository', async () => {
    expect(await (await ask('GET', '')).json()).toMatchObject({
      id,
      type: 'web_service',
      imagePath: 'docker.io/acme/shop:latest',
      autoDeploy: 'no',
      suspended: 'not_suspended',
      serviceDetails: { runtime: 'image' },
    })
    const repo = 'https://github.com/acme/shop'
    const { settings } = server.service(id)
    Object.assign(settings, { imagePath: null, repo, autoDeploy: 'yes', isSuspended: true })
    const described: unknown = await (await ask('GET', '')).json()
    expect(described).toMatchObject({ repo, autoDeploy: 'yes', suspended: 'suspended' })
    expect(described).not.toHaveProperty('imagePath')
    expect((await ask('POST', '/deploys', { imageUrl: imageOf('a') })).status).toBe(409)
    settings.isSuspended = false
    expect((await ask('POST', '/deploys', { imageUrl: imageOf('a') })).status).toBe(400)
  })

  it('brings a deploy through its statuses by the clock, and serves it when it is live', async () => {
    const { id: deployId, status, image } = await deploy('a')
    expect({ status, image }).toEqual({
      status: 'created',
      image: { ref: imageOf('a'), sha: digestOf('a') },
    })
    expect(server.service(id).serving()).toBeNull()
    const seen: string[] = []
    for (let step = 0; step < 5; step += 1) {
      seen.push((await read(deployId)).status)
      pass(1)
    }
    expect(seen).toEqual([
      'created',
      'build_in_progress',
      'update_in_progress',
      'update_in_progress',
      'live',
    ])
    expect(server.service(id).serving()).toMatchObject({ deployId, sha: digestOf('a') })
  })

  it('takes for a service the times that are set for it', async () => {
    server.service(id).settings.pace = { build: 1, update: 2, live: 100, giveUp: 900 }
    const first = await deploy('a')
    pass(99)
    expect((await read(first.id)).status).toBe('update_in_progress')
    pass(1)
    expect((await read(first.id)).status).toBe('live')
  })

  it('takes an image by any of its names, and no other image', async () => {
    Object.assign(server.service(id).settings, {
      imagePath: 'acme/shop',
      tags: { next: digestOf('c') },
    })
    const deployed = await ask('POST', '/deploys', { imageUrl: 'acme/shop:next' })
    expect(Deploy.parse(await deployed.json()).image).toEqual({
      ref: 'docker.io/acme/shop:next',
      sha: digestOf('c'),
    })
    for (const imageUrl of ['acme/other:next', 'ghcr.io/acme/shop:next', 'shop'])
      expect((await ask('POST', '/deploys', { imageUrl })).status).toBe(400)
    expect(server.violations).toEqual([])
  })

  it('cancels the deploy that runs when a new one comes, where the policy is to override', async () => {
    const first = await deploy('a')
    pass(2)
    const second = await deploy('b')
    expect((await read(first.id)).status).toBe('canceled')
    pass(10)
    expect((await list()).map(({ id, status }) => [id, status])).toEqual([
      [second.id, 'live'],
      [first.id, 'canceled'],
    ])
  })

  it('queues a deploy without a body, where the policy is to wait, and begins the newest of them', async () => {
    Object.assign(server.service(id).settings, { overlap: 'wait' })
    const first = await deploy('a')
    pass(1)
    for (const letter of ['b', 'c']) {
      const answer = await ask('POST', '/deploys', { imageUrl: imageOf(letter) })
      expect([answer.status, await answer.text()]).toEqual([202, ''])
    }
    const waiting = await list()
    expect(waiting.map(({ status }) => status)).toEqual(['queued', 'canceled', 'build_in_progress'])
    expect(waiting[0]).not.toHaveProperty('startedAt')
    pass(4)
    expect(await read(first.id)).toMatchObject({ status: 'live' })
    pass(10)
    expect((await list()).map(({ status }) => status)).toEqual(['live', 'canceled', 'deactivated'])
    expect(letterOf(server.service(id).serving()?.sha)).toBe('c')
  })

  it('can keep a deploy that waits out of the list until it begins', async () => {
    Object.assign(server.service(id).settings, { overlap: 'wait', isWaitingListed: false })
    const first = await deploy('a')
    await ask('POST', '/deploys', { imageUrl: imageOf('b') })
    expect((await list()).map((one) => one.id)).toEqual([first.id])
    pass(5)
    expect((await list()).map(({ image }) => letterOf(image.sha))).toEqual(['b', 'a'])
  })

  it('cancels on request what has not ended, and begins what waited for it', async () => {
    Object.assign(server.service(id).settings, { overlap: 'wait' })
    const first = await deploy('a')
    await ask('POST', '/deploys', { imageUrl: imageOf('b') })
    const canceled = await ask('POST', `/deploys/${first.id}/cancel`)
    expect(canceled.status).toBe(200)
    expect(Deploy.parse(await canceled.json()).status).toBe('canceled')
    expect((await ask('POST', `/deploys/${first.id}/cancel`)).status).toBe(400)
    expect((await ask('POST', '/deploys/dep-none/cancel')).status).toBe(404)
    pass(5)
    expect(letterOf(server.service(id).serving()?.sha)).toBe('b')
  })

  it('keeps serving the old release with its own variables when a deploy fails', async () => {
    const service = server.service(id)
    await ask('PUT', '/env-vars/COLOUR', { value: 'red' })
    await deploy('a')
    pass(5)
    for (const kind of ['build_failed', 'pre_deploy_failed', 'update_failed'] as const) {
      service.settings.courseOf = () => ({ kind })
      await ask('PUT', '/env-vars/COLOUR', { value: 'green' })
      const { id: deployId } = await deploy('b')
      pass(1000)
      expect((await read(deployId)).status).toBe(kind)
      expect(service.serving()).toMatchObject({ sha: digestOf('a'), env: { COLOUR: 'red' } })
    }
    service.settings.courseOf = () => null
    await deploy('b')
    pass(5)
    expect(service.serving()).toMatchObject({ sha: digestOf('b'), env: { COLOUR: 'green' } })
  })

  it('gives up only after 15 minutes on a release whose health check is never well', async () => {
    server.service(id).settings.courseOf = () => ({ kind: 'update_failed' })
    const { id: deployId } = await deploy('a')
    pass(899)
    expect((await read(deployId)).status).toBe('update_in_progress')
    pass(5)
    expect(await read(deployId)).toMatchObject({
      status: 'update_failed',
      finishedAt: new Date(at - 2000).toISOString(),
    })
  })

  it('cannot pull a private image without a credential', async () => {
    const { settings } = server.service(id)
    settings.isImagePrivate = true
    const refused = await deploy('a')
    pass(5)
    const ended = await read(refused.id)
    expect(ended.status).toBe('build_failed')
    expect(ended.image).toEqual({ ref: imageOf('a') })
    settings.registryCredential = { id: 'rgc-1', name: 'docker-hub' }
    const { id: deployId } = await deploy('a')
    pass(5)
    const image = { ref: imageOf('a'), sha: digestOf('a'), registryCredential: 'docker-hub' }
    expect(await read(deployId)).toMatchObject({ status: 'live', image })
  })

  it('does on demand what a deployer must not be fooled by', async () => {
    const service = server.service(id)
    const { settings } = service
    settings.courseOf = () => ({ kind: 'stays', status: 'pondering' })
    const stuck = await deploy('a')
    pass(5000)
    expect((await read(stuck.id)).status).toBe('pondering')
    settings.courseOf = () => ({ kind: 'canceled' })
    const canceled = await deploy('a')
    pass(5)
    expect((await read(canceled.id)).status).toBe('canceled')
    settings.courseOf = () => ({ kind: 'live', sha: digestOf('f') })
    const other = await deploy('a')
    pass(5)
    expect((await read(other.id)).image).toEqual({ ref: imageOf('a'), sha: digestOf('f') })
    expect(letterOf(service.serving()?.sha)).toBe('f')
  })

  it('lists deploys from the newest on, by page and by filter', async () => {
    const ids: string[] = []
    for (const letter of ['a', 'b', 'c', 'd']) {
      ids.unshift((await deploy(letter)).id)
      pass(60)
    }
    const first = Listed.parse(await (await ask('GET', '/deploys?limit=3')).json())
    expect(first.map((one) => one.deploy.id)).toEqual(ids.slice(0, 3))
    const cursor = encodeURIComponent(first[2]?.cursor ?? '')
    expect((await list(`?limit=3&cursor=${cursor}`)).map((one) => one.id)).toEqual(ids.slice(3))
    expect((await list('?status=live&status=canceled')).map((one) => one.id)).toEqual([ids[0]])
    const after = new Date(at - 120_000 - 1).toISOString()
    expect((await list(`?createdAfter=${after}`)).map((one) => one.id)).toEqual(ids.slice(0, 2))
    const exactly = new Date(at - 120_000).toISOString()
    expect((await list(`?createdAfter=${exactly}`)).map((one) => one.id)).toEqual(ids.slice(0, 1))
    expect((await ask('GET', '/deploys?cursor=nowhere')).status).toBe(400)
    expect(server.violations).toEqual([])
  })

  it('keeps variables one by one, and hands them out by page', async () => {
    for (const key of ['A', 'B', 'C'])
      expect((await ask('PUT', `/env-vars/${key}`, { value: `${key} 1` })).status).toBe(200)
    expect(await (await ask('GET', '/env-vars/B')).json()).toEqual({ key: 'B', value: 'B 1' })
    expect((await ask('GET', '/env-vars/D')).status).toBe(404)
    const page = Variables.parse(await (await ask('GET', '/env-vars?limit=2')).json())
    const cursor = encodeURIComponent(page[1]?.cursor ?? '')
    const rest = Variables.parse(await (await ask('GET', `/env-vars?cursor=${cursor}`)).json())
    expect([...page, ...rest].map(({ envVar }) => envVar.value)).toEqual(['A 1', 'B 1', 'C 1'])
    expect((await ask('DELETE', '/env-vars/A')).status).toBe(204)
    expect((await ask('DELETE', '/env-vars/A')).status).toBe(404)
  })

  it('refuses loudly to have the whole list of variables replaced', async () => {
    await ask('PUT', '/env-vars/A', { value: '1' })
    expect((await ask('PUT', '/env-vars', [{ key: 'B', value: '2' }])).status).toBe(400)
    expect([...server.service(id).env]).toEqual([['A', '1']])
    expect(server.violations).toEqual([expect.stringContaining('replaces what others have set')])
  })

  it('goes back to a deploy that was live, variables included', async () => {
    await ask('PUT', '/env-vars/COLOUR', { value: 'red' })
    const first = await deploy('a')
    pass(5)
    await ask('PUT', '/env-vars/COLOUR', { value: 'green' })
    await deploy('b')
    pass(5)
    const answer = await ask('POST', '/rollback', { deployId: first.id })
    expect(answer.status).toBe(201)
    expect(await answer.json()).toMatchObject({ trigger: 'rollback', image: { ref: imageOf('a') } })
    pass(5)
    const service = server.service(id)
    expect(service.serving()).toMatchObject({ sha: digestOf('a'), env: { COLOUR: 'red' } })
    expect(service.env.get('COLOUR')).toBe('green')
    expect((await ask('POST', '/rollback', { deployId: 'dep-none' })).status).toBe(404)
  })

  it('lets each service be deployed ten times a minute, and says when it goes on', async () => {
    for (let count = 0; count < 10; count += 1) {
      const { status, headers } = await ask('POST', '/deploys', { imageUrl: imageOf('a') })
      expect([status, headers.get('ratelimit-remaining')]).toEqual([201, String(9 - count)])
    }
    pass(15)
    const { status, headers } = await ask('POST', '/deploys', { imageUrl: imageOf('a') })
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('45')
    expect(headers.get('ratelimit-limit')).toBe('10')
    expect((await ask('GET', '/deploys')).status).toBe(200)
    expect(server.service(id).deploys()).toHaveLength(10)
    pass(45)
    expect((await ask('POST', '/deploys', { imageUrl: imageOf('a') })).status).toBe(201)
  })

  it('answers for a service that is gone or was never there', async () => {
    const elsewhere = new URL('/v1/services/srv-other/deploys', server.url)
    const headers = { authorization: 'Bearer rnd_key' }
    expect((await fetch(elsewhere, { headers })).status).toBe(404)
    server.service(id).settings.isGone = true
    expect((await ask('GET', '')).status).toBe(410)
    expect(server.violations).toEqual([])
  })

  it.each([
    ['an endpoint that is not in the schema', 'GET', '/env', undefined, 404],
    ['a method that the endpoint has not', 'PATCH', '/env-vars', { A: '1' }, 405],
    ['a field that the schema has not', 'POST', '/deploys', { image: imageOf('a') }, 400],
    ['no body where one is required', 'POST', '/deploys', undefined, 400],
    ['a mode together with an image', 'POST', '/deploys', { imageUrl: '', deployMode: 'x' }, 400],
    ['a value that is no text', 'PUT', '/env-vars/A', { value: 1 }, 400],
    ['a filter that the schema has not', 'GET', '/deploys?since=now', undefined, 400],
    ['a page that is too long', 'GET', '/deploys?limit=101', undefined, 400],
    ['a query where there is none', 'POST', '/deploys?force=1', {}, 400],
  ])('keeps and refuses %s', async (_, method, path, body, status) => {
    expect((await ask(method, path, body)).status).toBe(status)
    expect(server.violations).toHaveLength(1)
    expect(server.service(id).deploys()).toEqual([])
  })

  it('refuses a body that is not announced as JSON, and an answer that may not be JSON', async () => {
    expect((await ask('GET', '', undefined, { accept: 'text/html' })).status).toBe(406)
    await expect(ask('POST', '/deploys', {}, { 'content-type': 'text/plain' })).rejects.toThrow(
      'fetch failed',
    )
    expect(server.violations).toEqual([expect.stringContaining('application/json')])
  })

  it('loses an answer on demand after it did what was asked', async () => {
    const isDeploy = ({ method }: { method: string }) => method === 'POST'
    server.fate = onceFor(isDeploy, { kind: 'lose' })
    await expect(deploy('a')).rejects.toThrow('fetch failed')
    expect((await list()).map(({ image }) => image.ref)).toEqual([imageOf('a')])
  })

  it('answers late or wrongly on demand, and does only what it says', async () => {
    server.fate = onceFor(() => true, { kind: 'answer', status: 503 })
    expect((await ask('POST', '/deploys', { imageUrl: imageOf('a') })).status).toBe(503)
    expect(server.service(id).deploys()).toEqual([])
    server.fate = onceFor(() => true, { kind: 'slow', milliseconds: 150 })
    const begun = performance.now()
    await deploy('a')
    expect(performance.now() - begun).toBeGreaterThan(140)
    expect(server.service(id).deploys()).toHaveLength(1)
  })

  it('keeps of every request its method, path, headers and body', async () => {
    await deploy('a')
    const [call, ...others] = server.calls
    expect(others).toEqual([])
    expect(call).toMatchObject({
      method: 'POST',
      path: `/v1/services/${id}/deploys`,
      headers: { authorization: 'Bearer rnd_key' },
      body: { imageUrl: imageOf('a') },
    })
  })
})
