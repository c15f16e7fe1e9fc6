import { describe, expect, test } from 'vitest'
import { CarryOrder, isCarryDue } from '../../../src/targets/carry.ts'
import {
  apiKey,
  configurationOf,
  createCarryWorld,
  digestOf,
  layers,
  manifestOf,
  password,
  type CarryWorld,
  type Reply,
} from '../../support/carry-world.ts'
import { failedSecret } from '../../support/failed-secret.ts'

const release: CarryOrder['release'] = ['python', 'manage.py', 'migrate']
const imageId = digestOf(configurationOf())
const isUpload = ({ upload }: { readonly upload?: unknown }): boolean => upload !== undefined

describe('an image', () => {
  test('is brought to Heroku with its release image, each layer sent once', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage(), { release })
    const progress = await world.carry(order)
    expect(progress).toMatchObject({ status: 'carried', image: imageId, blobs: 8, blobsThere: 8 })
    expect(world.recorded.at(-1)).toEqual(progress)
    expect(world.lines.join()).toContain('"message":"carry ended"')
    expect(progress.sentBytes).toBe(layers.reduce((sum, { length }) => sum + length, 0))
    const { target } = world
    const readLatest = (repository: string): unknown =>
      JSON.parse(target.get(`acme-shop/${repository}/manifests/latest`)?.toString() ?? '')
    expect(readLatest('web')).toMatchObject({ config: { digest: imageId } })
    const id = progress.status === 'carried' ? progress.release : ''
    expect(readLatest('release')).toMatchObject({ config: { digest: id } })
    for (const repository of ['web', 'release'])
      for (const bytes of layers)
        expect(target.get(`acme-shop/${repository}/blobs/${digestOf(bytes)}`)).toEqual(bytes)
    expect(world.uploads()).toHaveLength(5)
  })

  test('that is there already is asked for, and nothing is sent', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage(), { release })
    const first = await world.carry(order)
    world.asked.length = 0
    expect(await world.carry(order)).toEqual({ ...first, sentBytes: 0 })
    expect(world.asked.filter(({ method }) => method !== 'GET')).toEqual([])
  })

  test("that the team's pipeline pushed to Heroku is taken as it is", async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    world.target.set(
      'acme-shop/web/manifests/latest',
      Buffer.from(JSON.stringify({ schemaVersion: 2, config: { digest: imageId }, layers: [] })),
    )
    expect(await world.carry(order)).toMatchObject({
      status: 'carried',
      image: imageId,
      release: null,
    })
    expect(world.asked.filter(({ method }) => method !== 'GET')).toEqual([])
  })

  test('that an earlier release had replaces a later one', async () => {
    const world = createCarryWorld()
    const earlier = world.orderOf(world.pushImage())
    await world.carry(earlier)
    const configuration = configurationOf({ created: 'later' })
    await world.carry(world.orderOf(world.pushImage(configuration)))
    world.asked.length = 0
    expect(await world.carry(earlier)).toMatchObject({ status: 'carried', image: imageId })
    expect(world.uploads()).toEqual([])
    expect(world.target.get('acme-shop/web/manifests/latest')?.toString()).toContain(imageId)
  })

  test('is sent for the release image too where the registry mounts nothing', async () => {
    const world = createCarryWorld()
    world.intercept(({ method, url }) => {
      if (method !== 'POST' || !url.searchParams.has('mount')) return null
      return { status: 202, headers: { location: '/v2/acme-shop/release/uploads/2' } }
    })
    const order = world.orderOf(world.pushImage(), { release })
    expect(await world.carry(order)).toMatchObject({ status: 'carried', blobsThere: 8 })
    expect(world.uploads()).toHaveLength(8)
  })
})

describe('a run', () => {
  test('that ended in the middle is begun again without the layers that are there', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    const last = digestOf(layers[2] ?? '')
    world.intercept((request) =>
      isUpload(request) && request.url.searchParams.get('digest') === last ? 'cut' : null,
    )
    const first = await world.carry(order)
    expect(first).toMatchObject({
      status: 'unfinished',
      reason: 'target_unavailable',
      blobsThere: 3,
    })
    world.intercept(() => null)
    world.asked.length = 0
    expect(await world.carry(order)).toMatchObject({ status: 'carried', blobsThere: 4 })
    expect(world.uploads().map((url) => url.searchParams.get('digest'))).toEqual([last])
  })

  test('asks before it sends again what may have come through', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    const [first = Buffer.alloc(0)] = layers
    world.intercept((request) => {
      const isFirst = request.url.searchParams.get('digest') === digestOf(first)
      if (!isUpload(request) || !isFirst) return null
      world.target.set(`acme-shop/web/blobs/${digestOf(first)}`, first)
      return 'cut'
    })
    expect(await world.carry(order)).toMatchObject({ status: 'carried' })
    expect(world.uploads()).toHaveLength(4)
  })

  test('ends by itself when its time is over, and says what is there', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    world.intercept((request) => {
      const isLast = request.url.pathname.endsWith(digestOf(layers[2] ?? ''))
      if (isLast && request.method === 'HEAD') world.pass(841)
      return isLast && request.method === 'GET' ? 'cut' : null
    })
    expect(await world.carry(order)).toMatchObject({
      status: 'unfinished',
      reason: null,
      message: 'the time of one run was over',
      notBefore: '2026-11-30T00:14:01.000Z',
    })
  })

  test('gives no request more time than it has itself', async () => {
    const world = createCarryWorld()
    await world.carry(world.orderOf(world.pushImage()))
    const times = world.asked.map((request) => request.timeoutMilliseconds ?? 0)
    expect(Math.max(...times)).toBe(840_000)
    const asking = world.asked.filter(
      ({ upload, method, url }) =>
        upload === undefined && (method !== 'GET' || url.host !== 'hub.example'),
    )
    expect(new Set(asking.map((request) => request.timeoutMilliseconds))).toEqual(new Set([20_000]))
    const ofLayers = layers.map((bytes) => `/v2/acme/shop/blobs/${digestOf(bytes)}`)
    const layerReads = world.asked.filter(({ url }) => ofLayers.includes(url.pathname))
    expect(layerReads.map((request) => request.timeoutMilliseconds)).toEqual(
      layers.map(() => 840_000),
    )
    // A layer that came packed would not have its own digest.
    expect(layerReads.map(({ headers }) => headers?.['accept-encoding'])).toEqual(
      layers.map(() => 'identity'),
    )
  })

  test('waits as long as a registry asks for', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    world.intercept(({ url, method }) =>
      url.host === 'hub.example' || method !== 'POST'
        ? null
        : { status: 429, headers: { 'retry-after': '120' } },
    )
    expect(await world.carry(order)).toMatchObject({
      status: 'unfinished',
      reason: 'target_unavailable',
      notBefore: '2026-11-30T00:02:00.000Z',
    })
  })

  test('does nothing while another one is at it', async () => {
    const progress = {
      status: 'carrying',
      at: '2026-11-30T00:00:00.000Z',
      blobs: 4,
      blobsThere: 1,
      sentBytes: 9,
    } as const
    const world = createCarryWorld({
      records: {
        claim: () => Promise.resolve(false),
        record: () => Promise.reject(new Error('not ours')),
        load: () => Promise.resolve(progress),
      },
    })
    expect(await world.carry(world.orderOf(world.pushImage()))).toEqual(progress)
    expect(world.asked).toEqual([])
  })

  test('notes that it is at work, also while it only waits', async () => {
    const world = createCarryWorld()
    const order = world.orderOf(world.pushImage())
    let asked = 0
    world.intercept(() => {
      asked += 1
      if (asked === 3) world.pass(35)
      return null
    })
    await world.carry(order)
    const noted = world.recorded.filter(({ status }) => status === 'carrying')
    expect(noted.map(({ at }) => at.slice(11, 19))).toEqual(['00:00:00', '00:00:35'])
    const last = world.recorded.length
    world.pass(10)
    expect(world.recorded).toHaveLength(last)
  })

  test.each([
    ['before a layer is sent', (world: CarryWorld) => world.orderOf(world.pushImage())],
    [
      'where only the manifest is left',
      (world: CarryWorld) => {
        for (const bytes of layers)
          world.target.set(`acme-shop/web/blobs/${digestOf(bytes)}`, bytes)
        return world.orderOf(world.pushImage())
      },
    ],
  ])('asks nothing more once another has taken its place, %s', async (_, arrange) => {
    const world: CarryWorld = createCarryWorld({
      records: {
        claim: () => Promise.resolve(true),
        record: () => Promise.resolve(false),
        load: () => Promise.resolve(null),
      },
    })
    const order = arrange(world)
    let askedThen = Infinity
    world.intercept(({ method }) => {
      if (method === 'HEAD' && askedThen === Infinity) {
        askedThen = world.asked.length
        world.pass(11)
      }
      return null
    })
    expect(await world.carry(order)).toMatchObject({ status: 'unfinished' })
    // The two that were under way.
    expect(world.asked.length).toBeLessThanOrEqual(askedThen + 1)
    expect(world.target.has('acme-shop/web/manifests/latest')).toBe(false)
    expect(world.lines.join()).toContain('"message":"carry replaced"')
  })

  test('ends in its record, however late a note that it is at work arrives', async () => {
    const kept: string[] = []
    let release: () => void = () => undefined
    const late = new Promise<void>((resolve) => (release = resolve))
    const world: CarryWorld = createCarryWorld({
      records: {
        claim: () => Promise.resolve(true),
        record: async (_order, _run, { status }) => {
          if (status === 'carrying') await late
          kept.push(status)
          return true
        },
        load: () => Promise.resolve(null),
      },
    })
    const order = world.orderOf(world.pushImage())
    world.intercept((request) => {
      if (isUpload(request)) world.pass(11)
      // The last request.
      if (request.url.pathname.endsWith('/manifests/latest') && request.method === 'PUT')
        setImmediate(release)
      return null
    })
    expect(await world.carry(order)).toMatchObject({ status: 'carried' })
    expect(kept.at(-1)).toBe('carried')
    expect(kept).toContain('carrying')
  })

  test('goes on where it cannot note that it is at work, and logs why', async () => {
    const world: CarryWorld = createCarryWorld({
      records: {
        claim: () => Promise.resolve(true),
        record: (_order, _run, { status }) =>
          status === 'carrying'
            ? Promise.reject(new Error('ProvisionedThroughputExceeded'))
            : Promise.resolve(true),
        load: () => Promise.resolve(null),
      },
    })
    const order = world.orderOf(world.pushImage())
    world.intercept((request) => {
      if (isUpload(request)) world.pass(11)
      return null
    })
    expect(await world.carry(order)).toMatchObject({ status: 'carried' })
    expect(world.lines.join()).toContain('ProvisionedThroughputExceeded')
  })
})

/** What a world has that makes an order fail, and how that is told. */
const refusals: readonly (readonly [
  title: string,
  arrange: (world: CarryWorld) => CarryOrder,
  reason: string,
  message: RegExp,
])[] = [
  [
    'the digest is gone',
    (world) => world.orderOf(digestOf('nothing')),
    'image_gone',
    /hub\.example\/acme\/shop/,
  ],
  [
    'there is no linux/amd64',
    (world) => {
      const manifests = [
        { digest: digestOf('x'), size: 1, platform: { os: 'linux', architecture: 'arm64' } },
      ]
      return world.orderOf(world.putSource('manifests', JSON.stringify({ manifests })))
    },
    'platform_missing',
    /linux\/arm64/,
  ],
  [
    'an index leads to another index',
    (world) => {
      const inner = JSON.stringify({
        manifests: [
          { digest: digestOf('x'), size: 1, platform: { os: 'linux', architecture: 'amd64' } },
        ],
      })
      const platform = { os: 'linux', architecture: 'amd64' }
      const digest = world.putSource('manifests', inner)
      const outer = JSON.stringify({ manifests: [{ digest, size: inner.length, platform }] })
      return world.orderOf(world.putSource('manifests', outer))
    },
    'image_invalid',
    /another index/,
  ],
  [
    'the index lies about the size of the manifest',
    (world) => {
      const platform = { os: 'linux', architecture: 'amd64' }
      const manifests = [{ digest: world.pushImage(), size: 1, platform }]
      return world.orderOf(world.putSource('manifests', JSON.stringify({ manifests })))
    },
    'image_altered',
    /something else/,
  ],
  [
    'the registry sends another manifest',
    (world) => world.orderOf(world.putSource('manifests', '{}', digestOf('other'))),
    'image_altered',
    /something else/,
  ],
  [
    'a manifest is endless',
    (world) => world.orderOf(world.putSource('manifests', ' '.repeat(4 * 1024 * 1024 + 1))),
    'image_invalid',
    /more under/,
  ],
  [
    'layers are packed with zstd',
    (world) =>
      world.orderOf(
        world.pushImage(
          configurationOf(),
          manifestOf(configurationOf()).replaceAll('tar+gzip', 'tar+zstd'),
        ),
      ),
    'layers_unsupported',
    /compression=gzip/,
  ],
  [
    'the image is too large',
    (world) => {
      const large = {
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: digestOf('x'),
        size: 2_000_000,
      }
      return world.orderOf(
        world.pushImage(configurationOf(), manifestOf(configurationOf(), { layers: [large] })),
      )
    },
    'image_too_large',
    /it has 3 MB, and at most 1 MB/,
  ],
  [
    'a layer is another one',
    (world) => {
      const order = world.orderOf(world.pushImage())
      const [first = Buffer.alloc(0)] = layers
      world.putSource('blobs', Buffer.from(first).reverse(), digestOf(first))
      return order
    },
    'image_altered',
    /is another blob/,
  ],
  ...[-1, 1].map(
    (more) =>
      [
        `a layer has ${more} byte more than its size`,
        (world: CarryWorld) => {
          const order = world.orderOf(world.pushImage())
          const [first = Buffer.alloc(0)] = layers
          const other = Buffer.alloc(first.length + more, first)
          world.intercept(({ method, url }) =>
            method === 'GET' && url.pathname.endsWith(digestOf(first)) ? { body: other } : null,
          )
          return order
        },
        'image_altered',
        /is another blob/,
      ] as const,
  ),
  [
    'the registry tells another size for a layer',
    (world) => {
      const order = world.orderOf(world.pushImage())
      const [first = Buffer.alloc(0)] = layers
      world.putSource('blobs', 'short', digestOf(first))
      return order
    },
    'image_altered',
    /another size/,
  ],
  [
    'Heroku has another size for a layer',
    (world) => {
      world.target.set(`acme-shop/web/blobs/${digestOf(layers[0] ?? '')}`, Buffer.from('short'))
      return world.orderOf(world.pushImage())
    },
    'image_altered',
    /registry\.heroku\.example has another size/,
  ],
]

const answers: readonly (readonly [
  string,
  host: string,
  method: string,
  path: RegExp,
  Reply,
  string,
  RegExp,
])[] = [
  [
    'the registry refuses the login',
    'hub.example',
    'GET',
    /manifests/,
    { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    'registry_unauthorized',
    /refuses this login/,
  ],
  [
    'the registry has a token service of somebody else',
    'hub.example',
    'GET',
    /manifests/,
    { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://evil.example/token"' } },
    'registry_unauthorized',
    /token service https:.*registry: . realm/,
  ],
  [
    'the API key is wrong',
    'registry.heroku.example',
    'GET',
    /manifests/,
    { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } },
    'target_unauthorized',
    /may not push to acme-shop\/web/,
  ],
  [
    'the API key is of another team',
    'registry.heroku.example',
    'POST',
    /uploads/,
    { status: 403 },
    'target_unauthorized',
    /may not push/,
  ],
  [
    'Heroku knows no such app',
    'registry.heroku.example',
    'POST',
    /uploads/,
    { status: 404 },
    'service_missing',
    /knows no acme-shop\/web/,
  ],
  [
    'Heroku takes no such manifest',
    'registry.heroku.example',
    'PUT',
    /manifests/,
    { status: 415, body: '{"errors":[{"code":"UNSUPPORTED","message":"a secret"}]}' },
    'image_refused',
    /answered 415: UNSUPPORTED$/,
  ],
  [
    'Heroku finds a blob too large',
    'registry.heroku.example',
    'PUT',
    /uploads/,
    { status: 413, body: `{"errors":[{"code":"${apiKey}"}]}` },
    'image_refused',
    /answered 413$/,
  ],
  [
    'Heroku keeps another manifest',
    'registry.heroku.example',
    'PUT',
    /manifests/,
    { status: 201, headers: { 'docker-content-digest': digestOf('other') } },
    'image_refused',
    /another manifest/,
  ],
]

const postponements: readonly (readonly [
  string,
  host: string,
  method: string,
  path: RegExp,
  Reply | 'cut',
  string,
])[] = [
  [
    'the registry is out of order',
    'hub.example',
    'GET',
    /manifests/,
    { status: 503 },
    'registry_unavailable',
  ],
  [
    'the registry has no answer for a layer',
    'hub.example',
    'GET',
    /blobs/,
    'cut',
    'registry_unavailable',
  ],
  [
    'Heroku is out of order',
    'registry.heroku.example',
    'HEAD',
    /blobs/,
    { status: 502 },
    'target_unavailable',
  ],
  [
    'Heroku does not answer',
    'registry.heroku.example',
    'PUT',
    /manifests/,
    'cut',
    'target_unavailable',
  ],
  [
    'Heroku has lost the upload',
    'registry.heroku.example',
    'PUT',
    /uploads/,
    { status: 404, body: '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}' },
    'target_unavailable',
  ],
  [
    'Heroku names this machine for the upload',
    'registry.heroku.example',
    'POST',
    /uploads/,
    { status: 202, headers: { location: 'https://127.0.0.1/x' } },
    'target_unavailable',
  ],
  [
    'Heroku names a place that can be read on the wire',
    'registry.heroku.example',
    'POST',
    /uploads/,
    { status: 202, headers: { location: 'http://registry.heroku.example/x' } },
    'target_unavailable',
  ],
]

const interceptAt = (
  world: CarryWorld,
  host: string,
  method: string,
  path: RegExp,
  reply: Reply | 'cut',
) =>
  world.intercept((request) =>
    request.url.host === host && request.method === method && path.test(request.url.pathname)
      ? reply
      : null,
  )

/** Neither what is answered nor what is logged or noted holds a secret. */
const expectNoSecret = (world: CarryWorld, progress: unknown) => {
  const told = [JSON.stringify(progress), ...world.lines, JSON.stringify(world.recorded)].join('\n')
  const secrets = [
    apiKey,
    password,
    Buffer.from(`_:${apiKey}`).toString('base64'),
    Buffer.from(`shop:${password}`).toString('base64'),
    '_state',
  ]
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
}

describe('an order is refused where', () => {
  test.each(refusals)('%s', async (_, arrange, reason, message) => {
    const world = createCarryWorld()
    const progress = await world.carry(arrange(world))
    expect(progress).toMatchObject({ status: 'refused', reason })
    expect('message' in progress ? progress.message : '').toMatch(message)
    expect(world.target.has('acme-shop/web/manifests/latest')).toBe(false)
    expectNoSecret(world, progress)
  })

  test.each(answers)('%s', async (_, host, method, path, reply, reason, message) => {
    const world = createCarryWorld()
    interceptAt(world, host, method, path, reply)
    const progress = await world.carry(world.orderOf(world.pushImage()))
    expect(progress).toMatchObject({ status: 'refused', reason })
    expect('message' in progress ? progress.message : '').toMatch(message)
    expectNoSecret(world, progress)
  })

  test.each([
    ['a secret is missing', 'secret_missing', null],
    ['a login is no login', 'secret_invalid', 'not json'],
    ['an API key is none', 'target_unauthorized', '{"username":"a","password":"b"} \u00e9'],
  ])('%s', async (_, reason, value) => {
    const { Redacted } = await import('../../../src/kernel/redacted.ts')
    const world = createCarryWorld({
      readSecret: () =>
        Promise.resolve(
          value === null
            ? failedSecret('secret_missing')
            : { ok: true, value: { value: new Redacted(value), versionId: '1' } },
        ),
    })
    const order = world.orderOf(world.pushImage(), {
      registry: reason === 'target_unauthorized' ? null : 'registry',
    })
    const progress = await world.carry(order)
    expect(progress).toMatchObject({ status: 'refused', reason })
    expect(JSON.stringify(progress)).not.toContain(value ?? 'nothing at all')
    expect(world.asked).toEqual([])
  })
})

describe('an order is to be begun again where', () => {
  test.each(postponements)('%s', async (_, host, method, path, reply, reason) => {
    const world = createCarryWorld()
    interceptAt(world, host, method, path, reply)
    const progress = await world.carry(world.orderOf(world.pushImage()))
    expect(progress).toMatchObject({ status: 'unfinished', reason })
    expectNoSecret(world, progress)
    world.intercept(() => null)
    expect(await world.carry(world.orderOf(world.pushImage()))).toMatchObject({ status: 'carried' })
  })
})

describe('credentials', () => {
  test('go to their own registry, and to no place that it names for uploads', async () => {
    const world = createCarryWorld()
    const challenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
    world.intercept(({ url, method, authorization }) => {
      if (url.host === 'storage.example') return { status: 201 }
      if ((authorization ?? null) === null) return challenge
      return method === 'POST'
        ? { status: 202, headers: { location: 'https://storage.example/put?signed=1' } }
        : null
    })
    const progress = await world.carry(world.orderOf(world.pushImage()))
    expect(progress).toMatchObject({ status: 'carried' })
    const seen = new Map<string, Set<string>>()
    for (const { url, authorization } of world.asked) {
      const known = seen.get(url.host) ?? new Set()
      seen.set(url.host, known.add(authorization?.reveal() ?? 'none'))
    }
    const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
    expect(Object.fromEntries(seen)).toEqual({
      'hub.example': new Set(['none', basic(`shop:${password}`)]),
      'registry.heroku.example': new Set(['none', basic(`_:${apiKey}`)]),
      'storage.example': new Set(['none']),
    })
    expectNoSecret(world, progress)
  })

  test('are given to the token service elsewhere that landfall.yml names, and to no other', async () => {
    const world = createCarryWorld()
    const realm = 'https://auth.example.org/token'
    world.intercept(({ url, authorization }) => {
      if (url.host === 'auth.example.org') return { body: '{"token":"t0ken"}' }
      if (url.host !== 'hub.example' || authorization?.reveal() === 'Bearer t0ken') return null
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } }
    })
    const digest = world.pushImage()
    const message: unknown = expect.stringContaining(`set registry: { realm: "${realm}" }`)
    expect(await world.carry(world.orderOf(digest))).toMatchObject({
      status: 'refused',
      reason: 'registry_unauthorized',
      message,
    })
    expect(world.asked.map(({ url }) => url.host)).not.toContain('auth.example.org')
    const named = await world.carry(world.orderOf(digest, { registryRealm: realm }))
    expect(named).toMatchObject({ status: 'carried' })
  })

  test('of Amazon ECR that may not read layers say which right is missing', async () => {
    const world = createCarryWorld()
    world.intercept(({ url }) => {
      if (!url.host.endsWith('.amazonaws.com')) return null
      const path = url.pathname.replace('/v2/acme/shop/', '')
      const isLayer = layers.some((bytes) => path.endsWith(digestOf(bytes)))
      return isLayer ? { status: 403 } : { body: world.source.get(path) ?? '' }
    })
    const image = '123456789012.dkr.ecr.eu-west-3.amazonaws.com/acme/shop'
    const message: unknown = expect.stringMatching(
      /^Amazon ECR refuses ecr:GetDownloadUrlForLayer on the repository acme\/shop /,
    )
    expect(await world.carry(world.orderOf(world.pushImage(), { image }))).toMatchObject({
      status: 'refused',
      reason: 'registry_unauthorized',
      message,
    })
  })

  test('are answered anew for a token that has expired, and a layer is begun again then', async () => {
    const world = createCarryWorld()
    let given = 0
    let refusedUploads = 0
    world.intercept(({ url, authorization, upload }) => {
      if (url.host !== 'registry.heroku.example') return null
      if (url.pathname === '/token') {
        given += 1
        return { body: JSON.stringify({ token: `token-${given}` }) }
      }
      const isExpired = upload !== undefined && authorization?.reveal() === 'Bearer token-1'
      if (isExpired) refusedUploads += 1
      if ((authorization ?? null) !== null && !isExpired) return null
      const realm = 'https://registry.heroku.example/token'
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}",service="x"` } }
    })
    expect(await world.carry(world.orderOf(world.pushImage()))).toMatchObject({ status: 'carried' })
    expect(refusedUploads).toBeGreaterThan(0)
    const scopes = world.asked.flatMap(({ url }) => url.searchParams.getAll('scope'))
    expect(new Set(scopes)).toEqual(new Set(['repository:acme-shop/web:pull,push']))
  })
})

describe('an order', () => {
  const order = createCarryWorld().orderOf(digestOf('x'))
  test.each([
    ['an app of another name', { heroku: 'Shop/../x' }],
    ['a process that is a path', { process: '../web' }],
    ['a digest that is none', { digest: 'latest' }],
    ['an empty command', { release: [] }],
    ['a command with NUL', { release: ['a', 'b\0'] }],
    ['a release image of the process release', { process: 'release', release: ['migrate'] }],
    ['a key that is unknown', { more: 1 }],
  ])('with %s is refused', (_, changes) => {
    expect(CarryOrder.safeParse(order).success).toBe(true)
    expect(CarryOrder.safeParse({ ...order, ...changes }).success).toBe(false)
  })

  const counts = { at: '2026-11-30T00:00:00.000Z', blobs: 1, blobsThere: 0, sentBytes: 0 }
  const ended = { ...counts, reason: 'image_gone', message: '' } as const
  const later = { ...ended, status: 'unfinished', notBefore: '2026-11-30T00:00:10.000Z' } as const
  test.each([
    ['never begun', null, '2026-11-30T00:00:00.000Z', true],
    ['a run at it', { status: 'carrying', ...counts } as const, '2026-11-30T00:00:59.000Z', false],
    [
      'a run that died',
      { status: 'carrying', ...counts } as const,
      '2026-11-30T00:01:00.000Z',
      true,
    ],
    ['to wait', later, '2026-11-30T00:00:09.000Z', false],
    ['waited', later, '2026-11-30T00:00:10.000Z', true],
    ['refused', { status: 'refused', ...ended } as const, '2026-12-30T00:00:00.000Z', false],
    [
      'carried',
      { status: 'carried', ...counts, image: digestOf('x'), release: null } as const,
      '2026-12-30T00:00:00.000Z',
      false,
    ],
  ])('is due or not: %s', (_, progress, now, isDue) => {
    expect(isCarryDue(progress, now)).toBe(isDue)
  })
})
