import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** How a registry answers who may not have an image, or has it for another machine. */
export type Refusal =
  | 'docker_hub'
  | 'ghcr'
  | 'gitlab'
  | 'ecr_without_login'
  | 'ecr_expired'
  | 'ecr_no_repository'
  | 'gone'
  | 'foreign_index'
  | 'foreign_image'
  | 'failing'

export interface RefusingRegistry {
  /** With its registry: `localhost:5000/acme/shop`. */
  readonly image: string
  readonly digest: string
  readonly stop: () => void
}

interface Reply {
  readonly status: number
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

const toBuffer = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const refuse = (status: number, code: string, message: string, challenge?: string): Reply => ({
  status,
  body: toBuffer({ errors: [{ code, message }] }),
  headers: {
    'content-type': 'application/json',
    ...(challenge !== undefined && { 'www-authenticate': challenge }),
  },
})

const types = {
  config: 'application/vnd.docker.container.image.v1+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
}
const foreign = process.arch === 'arm64' ? 'amd64' : 'arm64'
const config = toBuffer({
  architecture: foreign,
  os: 'linux',
  config: { Cmd: ['app'] },
  rootfs: { type: 'layers', diff_ids: [] },
})
const toDescriptor = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})
const manifest = toBuffer({
  schemaVersion: 2,
  mediaType: types.manifest,
  config: toDescriptor(types.config, config),
  layers: [],
})
const index = toBuffer({
  schemaVersion: 2,
  mediaType: types.index,
  manifests: [
    {
      ...toDescriptor(types.manifest, manifest),
      platform: { os: 'linux', architecture: foreign },
    },
  ],
})
const content: readonly (readonly [string, Buffer])[] = [
  [types.config, config],
  [types.manifest, manifest],
  [types.index, index],
]

const give = (path: string): Reply => {
  const [type, body] = content.find(([, bytes]) => path.endsWith(digestOf(bytes))) ?? []
  if (type === undefined || body === undefined)
    return refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
  return {
    status: 200,
    body,
    headers: { 'content-type': type, 'docker-content-digest': digestOf(body) },
  }
}

const unauthorized = (challenge: string): Reply =>
  refuse(401, 'UNAUTHORIZED', 'authentication required', challenge)

/** What its token service answers; undefined where it has none. */
const tokenReplies: Partial<Record<Refusal, Reply>> = {
  docker_hub: { status: 200, body: toBuffer({ token: 'of-no-use' }), headers: {} },
  ghcr: refuse(403, 'DENIED', 'denied'),
  gitlab: refuse(403, 'DENIED', 'access forbidden'),
}

/** What it answers to a request for the image. */
const imageReplies: Partial<Record<Refusal, Reply>> = {
  ecr_without_login: unauthorized('Basic realm="https://ecr.example/",service="ecr.amazonaws.com"'),
  ecr_expired: refuse(
    403,
    'DENIED',
    'Your authorization token has expired. Reauthenticate and try again.',
  ),
  ecr_no_repository: refuse(
    404,
    'NAME_UNKNOWN',
    "The repository with name 'shop' does not exist in the registry with id '123456789012'",
  ),
  failing: refuse(503, 'UNAVAILABLE', 'service unavailable'),
}

const answer = (refusal: Refusal, host: string, { url = '', headers }: IncomingMessage): Reply => {
  const token = tokenReplies[refusal]
  const challenge = `Bearer realm="http://${host}/token",service="registry"`
  if (token !== undefined) {
    if (url.startsWith('/token')) return token
    if (headers.authorization === undefined) return unauthorized(challenge)
    if (url !== '/v2/') return unauthorized(`${challenge},error="insufficient_scope"`)
  }
  if (url === '/v2/') return { status: 200, body: toBuffer({}), headers: {} }
  return imageReplies[refusal] ?? give(url)
}

/** A registry that refuses its only image as one of the public ones does. */
export const startRefusingRegistry = async (refusal: Refusal): Promise<RefusingRegistry> => {
  const reply = (request: IncomingMessage, response: ServerResponse): void => {
    const { status, body, headers } = answer(refusal, request.headers.host ?? '', request)
    response.writeHead(status, { ...headers, 'content-length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  const server = createServer(reply)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the registry has no port')
  const missing = digestOf(Buffer.from('nothing'))
  const digests: Partial<Record<Refusal, string>> = {
    foreign_index: digestOf(index),
    foreign_image: digestOf(manifest),
  }
  return {
    image: `localhost:${address.port}/acme/shop`,
    digest: digests[refusal] ?? missing,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
