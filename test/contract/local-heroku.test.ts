import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { onceFor } from '../../local/base/vendor.ts'
import { startHeroku, type HerokuOptions, type HerokuServer } from '../../local/heroku/heroku.ts'

const imageOf = (letter: string): string => `sha256:${letter.repeat(64)}`
const accept = 'application/vnd.heroku+json; version=3'
const docker = `${accept}.docker-releases`

const Release = z.looseObject({
  id: z.string(),
  version: z.number(),
  status: z.string(),
  current: z.boolean(),
  description: z.string(),
  output_stream_url: z.string().nullable(),
  eligible_for_rollback: z.boolean(),
  user: z.object({ email: z.string() }),
})
const Dynos = z.array(
  z.looseObject({
    name: z.string(),
    state: z.string(),
    type: z.string(),
    size: z.string(),
    release: z.object({ version: z.number() }),
  }),
)
const Failure = z.object({ id: z.string(), message: z.string().min(1) })

describe('the local Heroku', () => {
  let server: HerokuServer
  let at = Date.parse('2026-03-02T10:00:00Z')
  /** By `<app>/<process>`: every letter is there. */
  let pushed: ReadonlyMap<string, string>
  const pass = (seconds: number): void => void (at += seconds * 1000)
  const start = (more: Partial<HerokuOptions> = {}): Promise<HerokuServer> =>
    startHeroku({
      isToken: (token) => token === 'HRKU-key',
      apps: [{ name: 'shop' }],
      hasImage: (app, process, image) => Promise.resolve(pushed.get(`${app}/${process}`) === image),
      now: () => new Date(at),
      ...more,
    })

  beforeEach(async () => {
    pushed = new Map()
    server = await start()
  })
  afterEach(() => server.stop())

  const ask = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(new URL(path === '' ? '/apps/shop' : `/apps/shop${path}`, server.url), {
      method,
      headers: {
        accept,
        authorization: 'Bearer HRKU-key',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const shop = () => server.app('shop')
  /** Releases images by process type, each by its letter, after a push of them. */
  const release = async (letters: Readonly<Record<string, string>>): Promise<Response> => {
    const images = Object.entries(letters).map(([type, letter]) => [type, imageOf(letter)] as const)
    pushed = new Map(images.map(([type, image]) => [`shop/${type}`, image]))
    const updates = images.map(([type, docker_image]) => ({ type, docker_image }))
    return ask('PATCH', '/formation', { updates }, { accept: docker })
  }
  const listReleases = async (range = 'version ..; max=10, order=desc') =>
    z.array(Release).parse(await (await ask('GET', '/releases', undefined, { range })).json())
  const newest = async () => Release.parse((await listReleases())[0])
  const listDynos = async () => Dynos.parse(await (await ask('GET', '/dynos')).json())
  const states = async () => (await listDynos()).map(({ name, state }) => `${name} ${state}`)
  const visit = async () => {
    const { status, ok } = await fetch(shop().webUrl)
    return ok ? (shop().serving()?.image.at(-1) ?? null) : status
  }
  const failure = async (response: Response) => ({
    status: response.status,
    id: Failure.parse(await response.json()).id,
  })

  describe('a release', () => {
    it('of one image is described by its first twelve digits, and is live when its dyno is up', async () => {
      expect(await visit()).toBe(503)
      expect((await release({ web: 'a' })).status).toBe(200)
      expect(await newest()).toMatchObject({
        version: 2,
        status: 'succeeded',
        current: true,
        description: 'Deployed web (aaaaaaaaaaaa)',
        output_stream_url: null,
        eligible_for_rollback: true,
      })
      expect(await states()).toEqual(['web.1 starting'])
      expect([shop().serving(), await visit()]).toEqual([null, 503])
      pass(3)
      expect(await states()).toEqual(['web.1 up'])
      expect(shop().serving()).toEqual({ version: 2, image: imageOf('a'), env: {} })
      const answer = await fetch(shop().webUrl)
      expect(await answer.text()).toBe(`${imageOf('a')} {"process":"web.1","release":2}\n`)
    })

    it('of an image that the registry has not for that process is refused', async () => {
      pushed = new Map([['shop/worker', imageOf('a')]])
      const updates = [{ type: 'web', docker_image: imageOf('a') }]
      const answer = await ask('PATCH', '/formation', { updates }, { accept: docker })
      expect(await failure(answer)).toEqual({ status: 404, id: 'not_found' })
      expect(shop().releases()).toHaveLength(1)
      expect(server.violations).toEqual([])
    })

    it('needs the container stack', async () => {
      shop().settings.stack = 'heroku-24'
      expect(await failure(await release({ web: 'a' }))).toEqual({
        status: 422,
        id: 'invalid_params',
      })
      expect(await (await ask('GET', '')).json()).toMatchObject({ stack: { name: 'heroku-24' } })
    })

    it('of the images that were released last is taken no notice of', async () => {
      await release({ web: 'a', worker: 'b' })
      expect((await release({ web: 'a', worker: 'b' })).status).toBe(200)
      expect((await release({ worker: 'b' })).status).toBe(200)
      expect(shop().releases()).toHaveLength(2)
      await release({ web: 'c' })
      expect(shop().current().images).toEqual({ web: imageOf('c'), worker: imageOf('b') })
      expect(shop().restarts).toBe(2)
    })

    it('leaves a gap between the old dyno and the new one', async () => {
      await release({ web: 'a' })
      pass(3)
      expect(await visit()).toBe('a')
      await release({ web: 'b' })
      expect(await visit()).toBe(503)
      pass(2)
      expect(await visit()).toBe(503)
      pass(1)
      expect(await visit()).toBe('b')
    })

    it('has the old dyno answer beside the new one for a time where the app has preboot', async () => {
      Object.assign(shop().settings, { tier: 'standard-1x', hasPreboot: true })
      expect(await (await ask('GET', '/features/preboot')).json()).toMatchObject({ enabled: true })
      await release({ web: 'a' })
      pass(10)
      pass(3)
      await release({ web: 'b' })
      expect((await listDynos()).map((one) => one.release.version)).toEqual([3])
      pass(9)
      expect([await visit(), await states()]).toEqual(['a', ['web.1 up']])
      pass(1)
      expect(await visit()).toBe('b')
      Object.assign(shop().settings, { tier: 'eco' })
      await release({ web: 'c' })
      expect(await visit()).toBe(503)
    })

    it('of another hand names its account, and takes the place of what runs', async () => {
      await release({ web: 'a' })
      pass(3)
      shop().release({ web: imageOf('b') }, 'colleague@example.com')
      expect(await newest()).toMatchObject({
        description: 'Deployed web (bbbbbbbbbbbb)',
        user: { email: 'colleague@example.com' },
      })
      pass(3)
      expect(await visit()).toBe('b')
    })

    it('can have a description that a deployer does not expect', async () => {
      await release({ web: 'a', release: 'b' })
      expect((await newest()).description).toBe(
        'Deployed web (aaaaaaaaaaaa), release (bbbbbbbbbbbb)',
      )
      shop().settings.describe = (images) => `Deployed ${Object.keys(images).length} images`
      await release({ web: 'c', release: 'd' })
      expect((await newest()).description).toBe('Deployed 2 images')
    })

    it('can have a status that no schema has, and then runs nothing', async () => {
      await release({ web: 'a' })
      pass(3)
      shop().settings.courseOf = () => ({ kind: 'status', status: 'pondering' })
      await release({ web: 'b' })
      pass(5000)
      expect(await newest()).toMatchObject({ status: 'pondering', current: false })
      expect(await visit()).toBe('a')
    })
  })

  describe('a release phase', () => {
    it('is run before the new dynos, while the old ones answer', async () => {
      await release({ web: 'a' })
      pass(3)
      await release({ web: 'b', release: 'c' })
      expect(await newest()).toMatchObject({ version: 3, status: 'pending', current: false })
      expect(await states()).toEqual(['web.1 up', 'release.1003 up'])
      pass(1)
      expect(await visit()).toBe('a')
      pass(1)
      expect(await newest()).toMatchObject({ version: 3, status: 'succeeded', current: true })
      expect(await states()).toEqual(['web.1 starting'])
      pass(3)
      expect(await visit()).toBe('b')
    })

    it('that fails changes nothing, and leaves its output at an address that takes no token', async () => {
      await release({ web: 'a', release: 'e' })
      pass(5)
      const output = 'relation "lettings" does not exist\n'
      shop().settings.courseOf = () => ({ kind: 'release_failed', output })
      await release({ web: 'b', release: 'f' })
      pass(2)
      const failed = await newest()
      expect(failed).toMatchObject({ status: 'failed', current: false })
      expect(failed.eligible_for_rollback).toBe(false)
      expect((await listReleases())[1]).toMatchObject({ current: true })
      expect(await visit()).toBe('a')
      const stream = failed.output_stream_url ?? ''
      const answer = await fetch(stream)
      expect([answer.headers.get('content-type'), await answer.text()]).toEqual([
        'text/plain; charset=utf-8',
        output,
      ])
      expect((await fetch(new URL('/streams/none', server.url))).status).toBe(404)
      expect(server.violations).toEqual([])
      await fetch(stream, { headers: { authorization: 'Bearer HRKU-key' } })
      expect(server.violations).toEqual([expect.stringContaining('gets no token')])
    })

    it('that failed is not run again by a release of the same images', async () => {
      shop().settings.courseOf = () => ({ kind: 'release_failed', output: '' })
      await release({ web: 'a', release: 'b' })
      pass(2)
      shop().settings.courseOf = () => null
      expect((await release({ web: 'a', release: 'b' })).status).toBe(200)
      expect((await listReleases()).map(({ status }) => status)).toEqual(['failed', 'succeeded'])
    })

    it('may never end; ending its dyno fails the release', async () => {
      shop().settings.courseOf = () => ({ kind: 'release_stays' })
      await release({ web: 'a', release: 'b' })
      pass(5000)
      expect((await newest()).status).toBe('pending')
      expect((await ask('POST', '/dynos/release.1002/actions/stop')).status).toBe(202)
      expect((await newest()).status).toBe('failed')
      expect((await ask('POST', '/dynos/release.1002/actions/stop')).status).toBe(404)
    })

    it('runs beside that of a newer release, which stays the current one', async () => {
      await release({ web: 'a', release: 'e' })
      pass(1)
      await release({ web: 'b', release: 'f' })
      expect((await listReleases()).slice(0, 2).map(({ status }) => status)).toEqual([
        'pending',
        'pending',
      ])
      pass(2)
      expect(shop().current().images['web']).toBe(imageOf('b'))
      expect((await listReleases()).map(({ status }) => status)).toEqual(
        Array.from({ length: 3 }, () => 'succeeded'),
      )
    })
  })

  describe('a dyno', () => {
    beforeEach(async () => {
      await release({ web: 'a' })
      pass(3)
    })

    it('that crashes is started again after a time, and crashes again', async () => {
      shop().settings.courseOf = () => ({ kind: 'crashes' })
      await release({ web: 'b' })
      const seen: string[] = []
      for (const seconds of [2, 1, 19, 1, 2, 1]) {
        pass(seconds)
        seen.push((await states()).join())
      }
      expect(seen).toEqual([
        'web.1 starting',
        'web.1 crashed',
        'web.1 crashed',
        'web.1 starting',
        'web.1 starting',
        'web.1 crashed',
      ])
      expect([await visit(), shop().restarts]).toEqual([503, 2])
    })

    it('that binds no port within a minute has crashed', async () => {
      shop().settings.courseOf = () => ({ kind: 'never_up' })
      await release({ web: 'b' })
      pass(59)
      expect(await states()).toEqual(['web.1 starting'])
      pass(1)
      expect([await states(), await visit()]).toEqual([['web.1 crashed'], 503])
    })

    it('can be up and answer an error', async () => {
      shop().settings.courseOf = () => ({ kind: 'sick', status: 500 })
      await release({ web: 'b' })
      pass(3)
      expect([await states(), await visit()]).toEqual([['web.1 up'], 500])
    })

    it('is restarted on request, with all others and without a release', async () => {
      Object.assign(shop().settings, { quantities: { web: 2, worker: 1 }, tier: 'standard-1x' })
      await release({ web: 'a', worker: 'd' })
      pass(3)
      expect(await states()).toEqual(['web.1 up', 'web.2 up', 'worker.1 up'])
      expect((await listDynos())[0]?.size).toBe('Standard-1X')
      const before = shop().restarts
      expect((await ask('DELETE', '/dynos')).status).toBe(202)
      expect([await visit(), shop().restarts]).toEqual([503, before + 1])
      pass(3)
      expect(await visit()).toBe('a')
      expect(shop().releases()).toHaveLength(3)
    })

    it('is hidden by the maintenance page', async () => {
      shop().settings.isMaintenance = true
      expect(await visit()).toBe(503)
      expect(await (await ask('GET', '')).json()).toMatchObject({ maintenance: true })
    })
  })

  describe('config vars', () => {
    it('are merged, removed by null, and each change of them is a release of what runs', async () => {
      await release({ web: 'a' })
      const answer = await ask('PATCH', '/config-vars', { A: '1', B: '2' })
      expect([answer.status, await answer.json()]).toEqual([200, { A: '1', B: '2' }])
      expect((await newest()).description).toBe('Set A, B config vars')
      expect(shop().serving()).toBeNull()
      pass(3)
      expect(shop().serving()).toEqual({ version: 3, image: imageOf('a'), env: { A: '1', B: '2' } })
      await ask('PATCH', '/config-vars', { A: null, B: '3' })
      expect((await newest()).description).toBe('Set B, remove A config vars')
      await ask('PATCH', '/config-vars', { B: null })
      expect((await newest()).description).toBe('Remove B config vars')
      expect(await (await ask('GET', '/config-vars')).json()).toEqual({})
      expect(shop().restarts).toBe(4)
    })

    it('that stay as they are make no release', async () => {
      await ask('PATCH', '/config-vars', { A: '1' })
      await ask('PATCH', '/config-vars', { A: '1', B: null })
      expect(shop().releases()).toHaveLength(2)
    })

    it('run the release phase of what is released, and not of what failed', async () => {
      await release({ web: 'a', release: 'e' })
      pass(5)
      shop().settings.courseOf = () => ({ kind: 'release_failed', output: '' })
      await release({ web: 'b', release: 'f' })
      pass(2)
      shop().settings.courseOf = () => null
      shop().setConfig({ A: '1' }, 'colleague@example.com')
      expect(await newest()).toMatchObject({ status: 'pending', current: false })
      pass(5)
      expect(shop().serving()).toEqual({ version: 4, image: imageOf('a'), env: { A: '1' } })
    })
  })

  describe('a rollback', () => {
    it('brings back code and config vars, by a release of its own', async () => {
      await ask('PATCH', '/config-vars', { COLOUR: 'red' })
      await release({ web: 'a' })
      const [first] = await listReleases()
      await ask('PATCH', '/config-vars', { COLOUR: 'green' })
      await release({ web: 'b' })
      const answer = await ask('POST', '/releases', { release: first?.id })
      expect(answer.status).toBe(201)
      expect(Release.parse(await answer.json())).toMatchObject({
        version: 6,
        description: 'Rollback to v3',
      })
      pass(3)
      expect(shop().serving()).toEqual({ version: 6, image: imageOf('a'), env: { COLOUR: 'red' } })
      expect(Object.fromEntries(shop().configVars)).toEqual({ COLOUR: 'red' })
    })

    it('is refused to a release that failed, expired or has no code', async () => {
      shop().settings.courseOf = () => ({ kind: 'release_failed', output: '' })
      await release({ web: 'a', release: 'b' })
      shop().settings.courseOf = () => null
      pass(2)
      pushed = new Map()
      await release({ web: 'c' })
      await release({ web: 'd' })
      shop().expire(3)
      const [, expired, failed, initial] = await listReleases()
      expect(expired).toMatchObject({ status: 'expired', eligible_for_rollback: false })
      for (const one of [expired, failed, initial])
        expect(await failure(await ask('POST', '/releases', { release: one?.id }))).toEqual({
          status: 422,
          id: 'invalid_params',
        })
      const none = '00000000-0000-4000-8000-000000000000'
      expect((await ask('POST', '/releases', { release: none })).status).toBe(404)
      expect(shop().releases()).toHaveLength(4)
    })
  })

  describe('a list of releases', () => {
    it('is given by page, from the newest on where that is asked for', async () => {
      for (const letter of ['a', 'b', 'c', 'd']) await release({ web: letter })
      const range = 'version ..; max=2, order=desc'
      const first = await ask('GET', '/releases', undefined, { range })
      expect(first.status).toBe(206)
      const next = first.headers.get('next-range') ?? ''
      expect(next).toBe('version ]4..; max=2, order=desc')
      expect(z.array(Release).parse(await first.json())).toMatchObject([
        { version: 5 },
        { version: 4 },
      ])
      expect((await listReleases(next)).map(({ version }) => version)).toEqual([3, 2])
      const last = await ask('GET', '/releases', undefined, { range: 'version ]2..; order=desc' })
      expect([last.status, last.headers.get('next-range')]).toEqual([200, null])
      expect(z.array(Release).parse(await last.json())).toMatchObject([{ version: 1 }])
      expect((await listReleases('version 2..; max=2')).map((one) => one.version)).toEqual([2, 3])
    })

    it('is ordered by id where nothing is asked for', async () => {
      for (const letter of ['a', 'b', 'c', 'd', 'e', 'f']) await release({ web: letter })
      const answer = await ask('GET', '/releases')
      const ids = z
        .array(Release)
        .parse(await answer.json())
        .map(({ id }) => id)
      expect(ids).toEqual(ids.toSorted())
    })

    it('has each release by its id and by its version', async () => {
      await release({ web: 'a' })
      const { id } = await newest()
      for (const name of [id, '2'])
        expect(await (await ask('GET', `/releases/${name}`)).json()).toMatchObject({ version: 2 })
      expect(await failure(await ask('GET', '/releases/3'))).toEqual({
        status: 404,
        id: 'not_found',
      })
    })
  })

  it('lets in only a token, and to the account’s own apps', async () => {
    const others = { authorization: 'Bearer HRKU-other' }
    expect(await failure(await ask('GET', '', undefined, others))).toEqual({
      status: 401,
      id: 'unauthorized',
    })
    shop().settings.isForbidden = true
    expect(await failure(await ask('GET', ''))).toEqual({ status: 403, id: 'forbidden' })
    Object.assign(shop().settings, { isForbidden: false, isSuspended: true })
    expect(await failure(await ask('GET', ''))).toEqual({ status: 403, id: 'suspended' })
    shop().settings.isGone = true
    expect(await failure(await ask('GET', ''))).toEqual({ status: 404, id: 'not_found' })
    expect(await visit()).toBe(404)
    expect(server.violations).toEqual([])
  })

  it('finds an app by its id and by its name at the time', async () => {
    const { id, settings } = shop()
    settings.name = 'renamed'
    expect((await ask('GET', '')).status).toBe(404)
    const headers = { accept, authorization: 'Bearer HRKU-key' }
    for (const name of [id, 'renamed'])
      expect((await fetch(new URL(`/apps/${name}`, server.url), { headers })).status).toBe(200)
  })

  it('has 4,500 tokens an account, which come back at 75 a minute', async () => {
    const limits = async () => {
      const headers = { accept, authorization: 'Bearer HRKU-key' }
      return (await fetch(new URL('/account/rate-limits', server.url), { headers })).json()
    }
    expect(await limits()).toEqual({ remaining: 4500 })
    const answer = await ask('GET', '')
    expect([answer.status, answer.headers.get('ratelimit-remaining')]).toEqual([200, '4499'])
    expect([server.spend(5000), server.spend(4499)]).toEqual([false, true])
    expect(await limits()).toEqual({ remaining: 0 })
    const refused = await ask('PATCH', '/config-vars', { A: '1' })
    expect(refused.headers.get('ratelimit-remaining')).toBe('0')
    expect(await failure(refused)).toEqual({ status: 429, id: 'rate_limit' })
    expect(shop().configVars.size).toBe(0)
    pass(60)
    const allowed = await ask('GET', '')
    expect([allowed.status, allowed.headers.get('ratelimit-remaining')]).toEqual([200, '74'])
    pass(7200)
    expect(await limits()).toEqual({ remaining: 4500 })
  })

  it.each([
    ['an endpoint that is not in the schema', 'GET', '/builds', undefined, {}, 404],
    ['a method that the endpoint has not', 'PUT', '/config-vars', { A: '1' }, {}, 405],
    ['no version', 'GET', '', undefined, { accept: 'application/json' }, 406],
    ['a variant that the endpoint has not', 'GET', '', undefined, { accept: docker }, 406],
    ['an image without the variant', 'PATCH', '/formation', { updates: [] }, {}, 406],
    ['an update of no process', 'PATCH', '/formation', { updates: [] }, { accept: docker }, 400],
    [
      'an image that is no digest',
      'PATCH',
      '/formation',
      { updates: [{ type: 'web', docker_image: 'acme/shop' }] },
      { accept: docker },
      400,
    ],
    ['a config var that is no text', 'PATCH', '/config-vars', { A: 1 }, {}, 400],
    ['a config var whose name is none', 'PATCH', '/config-vars', { 'A-B': '1' }, {}, 400],
    ['a rollback by version', 'POST', '/releases', { release: '2' }, {}, 400],
    ['a body where there is none', 'DELETE', '/dynos', {}, {}, 400],
    ['a query', 'GET', '/releases?max=1', undefined, {}, 400],
    ['a range by another field', 'GET', '/releases', undefined, { range: 'age ..' }, 416],
    ['a page that is too long', 'GET', '/releases', undefined, { range: 'id ..; max=1001' }, 416],
    ['another parameter', 'GET', '/releases', undefined, { range: 'id ..; sort=up' }, 416],
  ])('keeps and refuses %s', async (_, method, path, body, headers, status) => {
    expect((await ask(method, path, body, headers)).status).toBe(status)
    expect(server.violations).toHaveLength(1)
    expect(shop().releases()).toHaveLength(1)
  })

  it('loses an answer on demand after it did what was asked', async () => {
    server.fate = onceFor(({ method }) => method === 'PATCH', { kind: 'lose' })
    await expect(release({ web: 'a' })).rejects.toThrow('fetch failed')
    expect(shop().releases()).toHaveLength(2)
  })

  it('keeps its state, starts its dynos and ends its release phases when it is there again', async () => {
    let state: Awaited<ReturnType<NonNullable<HerokuOptions['kept']>['read']>> = null
    const kept = {
      read: () => state,
      write: (value: NonNullable<typeof state>) => void (state = value),
    }
    await server.stop()
    server = await start({ kept })
    const { id } = shop()
    await ask('PATCH', '/config-vars', { A: '1' })
    await release({ web: 'a' })
    await release({ web: 'b', release: 'e' })
    await server.stop()
    server = await start({ kept })
    expect([shop().id, Object.fromEntries(shop().configVars)]).toEqual([id, { A: '1' }])
    expect(await newest()).toMatchObject({ version: 4, status: 'pending' })
    pass(1)
    expect(await states()).toEqual(['web.1 starting', 'release.1004 up'])
    pass(4)
    expect(shop().serving()).toMatchObject({ version: 4, image: imageOf('b') })
    expect(shop().restarts).toBe(1)
  })
})
