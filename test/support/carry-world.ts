import { createHash } from 'node:crypto'
import { createCarry, type CarryPorts } from '../../src/carry/carry.ts'
import type { Http, HttpRequest, OpenHttp } from '../../src/kernel/http.ts'
import { AppName, Digest } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import type { CarryOrder, CarryProgress } from '../../src/targets/carry.ts'
import type { ReadSecret } from '../../src/secrets/app-secret.ts'
import { readLoginOf } from './read-login.ts'

export const digestOf = (bytes: string | Uint8Array): Digest =>
  Digest.parse(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)

export const apiKey = 'a-key-of-heroku-0000'
export const password = 'a-password-of-the-registry'

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

const oci = 'application/vnd.oci.image'

export const descriptorOf = (mediaType: string, bytes: string | Uint8Array) => ({
  mediaType,
  digest: digestOf(bytes),
  size: Buffer.byteLength(bytes),
})

export const layers = ['the base', 'what is installed', 'the app itself'].map((text) =>
  Buffer.from(text.repeat(3000)),
)

export const configurationOf = (changes: object = {}) =>
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=1'], Entrypoint: ['/entry'], Cmd: ['gunicorn'] },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    ...changes,
  })

export const manifestOf = (configuration: string, changes: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: descriptorOf(`${oci}.config.v1+json`, configuration),
    layers: layers.map((bytes) => descriptorOf(`${oci}.layer.v1.tar+gzip`, bytes)),
    ...changes,
  })

/** Two registries in memory, `hub.example` and Heroku's, and what they were asked. */
export const createCarryWorld = (changes: Partial<CarryPorts> = {}) => {
  const source = new Map<string, Uint8Array>()
  const target = new Map<string, Uint8Array>()
  const asked: HttpRequest[] = []
  const lines: string[] = []
  const recorded: CarryProgress[] = []
  const seconds = { value: 0 }
  const beats = new Set<() => void>()
  let intercept: (request: HttpRequest) => Reply | 'cut' | null = () => null

  const find = (kept: ReadonlyMap<string, Uint8Array>, path: string): Reply => {
    const body = kept.get(path)
    if (body === undefined) return { status: 404 }
    return { body, headers: { 'content-length': `${body.length}` } }
  }
  const pushTo = ({ method, url, body = '' }: HttpRequest, uploaded: Uint8Array): Reply => {
    const [, repository = '', rest = ''] = /^\/v2\/([^/]+\/[^/]+)\/(.*)$/.exec(url.pathname) ?? []
    const { searchParams } = url
    if (method === 'POST') {
      const mounted = target.get(`${searchParams.get('from')}/blobs/${searchParams.get('mount')}`)
      if (mounted === undefined)
        return { status: 202, headers: { location: `/v2/${repository}/uploads/1?_state=x` } }
      target.set(`${repository}/blobs/${searchParams.get('mount')}`, mounted)
      return { status: 201 }
    }
    const isManifest = rest.startsWith('manifests/')
    const name = isManifest ? rest : `blobs/${searchParams.get('digest')}`
    target.set(`${repository}/${name}`, isManifest ? Buffer.from(body) : uploaded)
    return { status: 201 }
  }
  const answer = async (request: HttpRequest): Promise<Reply | 'cut'> => {
    asked.push(request)
    const instead = intercept(request)
    if (instead !== null) return instead
    const { method, url, upload } = request
    if (url.host === 'hub.example') return find(source, url.pathname.replace('/v2/acme/shop/', ''))
    const chunks: Uint8Array[] = []
    for await (const chunk of upload?.chunks ?? []) chunks.push(chunk)
    if (method === 'GET' || method === 'HEAD')
      return find(target, url.pathname.slice('/v2/'.length))
    return pushTo(request, Buffer.concat(chunks))
  }
  const http: Http = async (request) => {
    const reply = await answer(request).catch(() => 'cut' as const)
    if (reply === 'cut') return fail({ kind: 'unreachable', host: request.url.host })
    const { status = 200, headers = {}, body = '' } = reply
    if (Buffer.byteLength(body) > (request.maxBodyBytes ?? Infinity))
      return fail({ kind: 'body_too_large', host: request.url.host })
    return succeed({ status, headers: new Headers(headers), body: Buffer.from(body) })
  }
  const openHttp: OpenHttp = async (request) => {
    const answered = await http(request)
    if (!answered.ok) return answered
    const { status, headers, body } = answered.value
    async function* chunks() {
      for (let at = 0; at < body.length; at += 10_000) {
        yield await Promise.resolve(body.subarray(at, at + 10_000))
      }
    }
    return succeed({ status, headers, chunks: chunks(), close: () => undefined })
  }
  const note = (progress: CarryProgress) => {
    recorded.push(progress)
    return Promise.resolve(true)
  }
  const readAnySecret: ReadSecret = (name) => {
    const value = name === 'heroku' ? apiKey : JSON.stringify({ username: 'shop', password })
    return Promise.resolve(succeed({ value: new Redacted(value), versionId: '1' }))
  }
  const readSecret = changes.readSecret ?? readAnySecret
  const carry = createCarry({
    http,
    openHttp,
    readSecret,
    readLogin: readLoginOf(readSecret),
    records: {
      claim: (_order, _run, progress) => note(progress),
      record: (_order, _run, progress) => note(progress),
      load: () => Promise.resolve(recorded.at(-1) ?? null),
    },
    registry: new URL('https://registry.heroku.example'),
    clock: () => new Date(Date.UTC(2026, 10, 30) + seconds.value * 1000),
    newRun: () => 'run',
    every: (_milliseconds, act) => {
      beats.add(act)
      return () => void beats.delete(act)
    },
    log: createLog({}, (line) => lines.push(line)),
    maxImageBytes: 1_000_000,
    runMilliseconds: 840_000,
    ...changes,
  })
  const putSource = (
    kind: 'manifests' | 'blobs',
    bytes: string | Uint8Array,
    digest = digestOf(bytes),
  ) => {
    source.set(`${kind}/${digest}`, Buffer.from(bytes))
    return digest
  }
  /** An image at the source; answers the digest of its manifest. */
  const pushImage = (configuration = configurationOf(), manifest = manifestOf(configuration)) => {
    for (const bytes of [...layers, configuration]) putSource('blobs', bytes)
    return putSource('manifests', manifest)
  }
  const orderOf = (digest: Digest, more: Partial<CarryOrder> = {}): CarryOrder => ({
    app: AppName.parse('shop'),
    image: 'hub.example/acme/shop',
    digest,
    registry: 'registry',
    registryRealm: null,
    heroku: 'acme-shop',
    process: 'web',
    token: 'heroku',
    release: null,
    ...more,
  })
  return {
    source,
    target,
    asked,
    lines,
    recorded,
    carry,
    putSource,
    pushImage,
    orderOf,
    intercept: (by: typeof intercept) => {
      intercept = by
    },
    /** The time passes; a run that is at work notes that, as it does every ten seconds. */
    pass: (more: number) => {
      seconds.value += more
      for (const beat of beats) beat()
    },
    /** `PUT blobs`, of what was sent to Heroku's registry, bytes only. */
    uploads: () => asked.filter(({ upload }) => upload !== undefined).map(({ url }) => url),
  }
}
export type CarryWorld = ReturnType<typeof createCarryWorld>
