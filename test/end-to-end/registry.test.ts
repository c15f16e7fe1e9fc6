import { createHash, createPrivateKey, sign } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { ListCommandInvocationsCommand, ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { docker } from '../../local/docker/docker.ts'
import { startRegistry, type RegistryOptions } from '../../local/docker/registry.ts'
import { http } from '../../src/kernel/http.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { openImage } from '../../src/registry/registry.ts'
import { createAuthority, startEcrFront } from '../support/ecr-front.ts'
import {
  expectDeployed,
  expectFailed,
  openStage,
  scanJournal,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'
import { findIn, toTraces } from '../support/end-to-end-search.ts'
import { isInLane, startNameServer } from '../support/name-server.ts'

let directory = ''
const stops: (() => unknown)[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-registry-test-'))
})
afterEach(async () => {
  const failures: unknown[] = []
  // Also after one that fails: what the others leave is not in the test's own directory.
  for (const stop of stops.splice(0))
    try {
      await stop()
    } catch (error) {
      failures.push(error)
    }
  rmSync(directory, { recursive: true })
  if (failures.length > 0) throw failures[0]
})

const start = async (more: Partial<RegistryOptions> = {}): Promise<string> => {
  const { address, stop } = await startRegistry({ port: 0, directory, ...more })
  stops.push(stop)
  return address
}

const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
})

/** An OCI index: what a pipeline with BuildKit pushes, and what an old Accept header does not find. */
const pushIndex = async (address: string, tag: string, authorization?: string): Promise<void> => {
  const response = await fetch(`http://${address}/v2/acme/shop/manifests/${tag}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/vnd.oci.image.index.v1+json',
      ...(authorization !== undefined && { authorization }),
    },
    body: index,
  })
  expect(response.status).toBe(201)
}

const find = (
  address: string,
  tag: string,
  password: string | null = null,
  realm: string | null = null,
) =>
  openImage(
    http,
    `${address}/acme/shop`,
    password === null ? null : { username: 'shop', password: new Redacted(password) },
    realm,
  ).findDigest(tag)

const refusal = (reason: string) => ({ ok: false, error: { reason, retryAfterSeconds: null } })

test('finds the digest under a tag of an open registry', async () => {
  const address = await start()
  await pushIndex(address, 'v1')
  expect(await find(address, 'v1')).toEqual({ ok: true, value: hashOf(index) })
  expect(await find(address, 'v2')).toEqual(refusal('image_missing'))
})

test('logs in to a private registry with a password', async () => {
  const address = await start({ credentials: { username: 'shop', password: 'correct horse' } })
  const pair = Buffer.from('shop:correct horse').toString('base64')
  await pushIndex(address, 'v1', `Basic ${pair}`)
  expect(await find(address, 'v1', 'correct horse')).toEqual({ ok: true, value: hashOf(index) })
  expect(await find(address, 'v1', 'wrong')).toEqual(refusal('registry_unauthorized'))
  expect(await find(address, 'v1')).toEqual(refusal('registry_unauthorized'))
})

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A token service as Docker Hub has one: a password is turned into a signed statement of rights. */
const startTokenService = async (): Promise<{ realm: string; rootcertbundle: string }> => {
  const [key, rootcertbundle] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', key, '-out', rootcertbundle]
  execFileSync('openssl', ['req', '-x509', ...kind, '-subj', '/CN=tokens', ...files], {
    stdio: 'ignore',
  })
  const der = readFileSync(rootcertbundle, 'utf8').replace(/-----.*-----|\s/g, '')
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  const issue = (scope: string): string => {
    const [type, name, actions = ''] = scope.split(':')
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: 'tokens',
      aud: 'registry',
      sub: 'shop',
      nbf: now - 60,
      exp: now + 60,
      access: [{ type, name, actions: actions.split(',') }],
    }
    const text = `${encode({ typ: 'JWT', alg: 'ES256', x5c: [der] })}.${encode(claims)}`
    const privateKey = createPrivateKey(readFileSync(key))
    const signature = sign('sha256', Buffer.from(text), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    return `${text}.${signature.toString('base64url')}`
  }
  const right = `Basic ${Buffer.from('shop:correct horse').toString('base64')}`
  const server = createServer((request, response) => {
    const scope = new URL(request.url ?? '/', 'http://tokens').searchParams.get('scope') ?? ''
    if (request.headers.authorization !== right) return response.writeHead(401).end()
    return response.end(JSON.stringify({ token: issue(scope) }))
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  stops.push(() => server.close())
  return { realm: `http://localhost:${portOf(server)}/token`, rootcertbundle }
}

test('logs in to a private registry with a token', async () => {
  const service = await startTokenService()
  const address = await start({ token: { ...service, service: 'registry', issuer: 'tokens' } })
  const pair = Buffer.from('shop:correct horse').toString('base64')
  const scope = encodeURIComponent('repository:acme/shop:pull,push')
  const response = await fetch(`${service.realm}?scope=${scope}`, {
    headers: { authorization: `Basic ${pair}` },
  })
  const body: unknown = await response.json()
  const token = /"token":"([^"]+)"/.exec(JSON.stringify(body))?.[1] ?? ''
  await pushIndex(address, 'v1', `Bearer ${token}`)
  const { realm } = service
  const found = { ok: true, value: hashOf(index) }
  expect(await find(address, 'v1', 'correct horse', realm)).toEqual(found)
  expect(await find(address, 'v2', 'correct horse', realm)).toEqual(refusal('image_missing'))
  expect(await find(address, 'v1', 'wrong', realm)).toEqual(refusal('registry_unauthorized'))
  expect(await find(address, 'v1', null, realm)).toEqual(refusal('registry_unauthorized'))
  // On another port of this machine, and so none that the registry may choose.
  expect(await find(address, 'v1', 'correct horse')).toMatchObject(refusal('registry_unauthorized'))
})

const pushBlob = async (address: string, text: string): Promise<string> => {
  const begun = await fetch(`http://${address}/v2/acme/shop/blobs/uploads/`, { method: 'POST' })
  const url = new URL(begun.headers.get('location') ?? '')
  url.searchParams.set('digest', hashOf(text))
  const response = await fetch(url, { method: 'PUT', body: text })
  expect(response.status).toBe(201)
  return hashOf(text)
}

const oci = (kind: 'index' | 'manifest' | 'config'): string =>
  `application/vnd.oci.image.${kind}.v1+json`

const pushManifest = async (address: string, reference: string, value: object): Promise<string> => {
  const kind = 'manifests' in value ? 'index' : 'manifest'
  const body = JSON.stringify({ schemaVersion: 2, mediaType: oci(kind), ...value })
  const response = await fetch(`http://${address}/v2/acme/shop/manifests/${reference}`, {
    method: 'PUT',
    headers: { 'content-type': oci(kind) },
    body,
  })
  expect(response.status).toBe(201)
  return hashOf(body)
}

const pushPlatform = async (address: string, os: string, architecture: string, labels: object) => {
  const configuration = JSON.stringify({ os, architecture, config: { Labels: labels } })
  const config = {
    mediaType: oci('config'),
    size: configuration.length,
    digest: await pushBlob(address, configuration),
  }
  const manifest = { schemaVersion: 2, mediaType: oci('manifest'), config, layers: [] }
  const body = JSON.stringify(manifest)
  const digest = await pushManifest(address, hashOf(body), manifest)
  return {
    mediaType: oci('manifest'),
    size: body.length,
    digest,
    platform: { os, architecture },
  }
}

const commit = '0123456789abcdef0123456789abcdef01234567'
const labels = { 'org.opencontainers.image.revision': commit }

const readCommit = async (address: string, tag: string) => {
  const digest = await find(address, tag)
  if (!digest.ok) throw new Error(`no ${tag}`)
  return openImage(http, `${address}/acme/shop`, null).findCommit(digest.value)
}

test('reads the commit from the label of an image for one platform, with its attestation', async () => {
  const address = await start()
  const attestation = await pushPlatform(address, 'unknown', 'unknown', {})
  for (const architecture of ['amd64', 'arm64']) {
    const image = await pushPlatform(address, 'linux', architecture, labels)
    await pushManifest(address, architecture, { manifests: [attestation, image] })
    expect(await readCommit(address, architecture)).toEqual({ ok: true, value: commit })
  }
})

test('reads no commit from an image without the label', async () => {
  const address = await start()
  const image = await pushPlatform(address, 'linux', 'amd64', { maintainer: 'ada' })
  await pushManifest(address, 'v1', { manifests: [image] })
  expect(await readCommit(address, 'v1')).toEqual({ ok: true, value: null })
})

test('tells which image of an index a real registry has lost, and that it is there after another push', async () => {
  const address = await start()
  const push = () =>
    Promise.all(['amd64', 'arm64'].map((one) => pushPlatform(address, 'linux', one, labels)))
  const manifests = await push()
  const digest = await pushManifest(address, 'v1', { manifests })
  const check = async () => {
    const found = await find(address, digest)
    if (!found.ok) throw new Error('no index')
    const platforms = await openImage(http, `${address}/acme/shop`, null).checkPlatforms(
      found.value,
    )
    return platforms.filter(({ isGone }) => isGone)
  }
  expect(await check()).toEqual([])
  const lost = manifests[1]?.digest ?? ''
  const url = `http://${address}/v2/acme/shop/manifests/${lost}`
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(202)
  expect(await check()).toEqual([{ platform: 'linux/arm64', digest: lost, isGone: true }])
  await push()
  expect(await check()).toEqual([])
})

test('finds an image by its digest when the tag has moved on', async () => {
  const address = await start()
  const image = await pushPlatform(address, 'linux', 'amd64', labels)
  const digest = await pushManifest(address, 'v1', { manifests: [image] })
  await pushManifest(address, 'v1', { manifests: [] })
  expect(await find(address, digest)).toEqual({ ok: true, value: digest })
  expect(await find(address, hashOf('nothing'))).toEqual(refusal('image_missing'))
})

test('follows a redirect to blobs elsewhere without the password', async () => {
  const registry = await start()
  const image = await pushPlatform(registry, 'linux', 'amd64', labels)
  await pushManifest(registry, 'v1', { manifests: [image] })
  const told: (string | undefined)[] = []
  const relay = async (url: string, asked: RequestInit, response: ServerResponse) => {
    const answer = await fetch(`http://${registry}${url}`, asked)
    const digest = answer.headers.get('docker-content-digest') ?? ''
    response.writeHead(answer.status, { 'docker-content-digest': digest })
    response.end(Buffer.from(await answer.arrayBuffer()))
  }
  const store = createServer((request, response) => {
    told.push(request.headers.authorization)
    void relay(request.url ?? '', {}, response)
  })
  const front = createServer(({ url = '', method = 'GET', headers }, response) => {
    const elsewhere = { location: `http://localhost:${portOf(store)}${url}` }
    if (headers.authorization === undefined)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="shop"' }).end()
    else if (url.includes('/blobs/')) response.writeHead(307, elsewhere).end()
    else void relay(url, { method, headers: { accept: headers.accept ?? '' } }, response)
  })
  for (const server of [store, front]) {
    server.listen(0, 'localhost')
    await once(server, 'listening')
    stops.push(() => server.close())
  }
  const address = `localhost:${portOf(front)}`
  const digest = await find(address, 'v1', 'correct horse')
  if (!digest.ok) throw new Error('no v1')
  const login = { username: 'shop', password: new Redacted('correct horse') }
  const read = await openImage(http, `${address}/acme/shop`, login).findCommit(digest.value)
  expect(read).toEqual({ ok: true, value: commit })
  expect(told).toEqual([undefined])
})

const app = 'e2e-ecr'
const announced = 'e2e-ecr-image'

/** ECR's event of a push, whose digest is another image's. */
const announcePush = async ({ team }: Stage, version: string): Promise<void> => {
  const detail = {
    result: 'SUCCESS',
    'repository-name': `acme/${app}`,
    'image-digest': hashOf('another'),
    'action-type': 'PUSH',
    'image-tag': toCommit(version),
  }
  const entry = { Source: 'aws.ecr', DetailType: 'ECR Image Action' }
  const Entries = [{ ...entry, Detail: JSON.stringify(detail) }]
  await new EventBridgeClient(team.stack.client).send(new PutEventsCommand({ Entries }))
}

/** A stage whose app's image is named as at Amazon ECR, for the functions and for Docker, and that registry. */
const openEcrStage = async () => {
  const host = '000000000000.dkr.ecr.eu-west-3.amazonaws.com'
  const authority = createAuthority(join(directory, 'authority'), host)
  stops.push(await startNameServer(host))
  let registry = ''
  const front = await startEcrFront({ host, registry: () => registry, authority })
  stops.push(() => front.stop())
  const stage = await openStage({
    environment: { NODE_EXTRA_CA_CERTS: authority.certificate },
    apps: {
      [app]: { settings: { image: `${host}/acme/${app}` } },
      [announced]: {
        sameAs: app,
        settings: { image: `${host}/acme/${app}`, requires: ['image'] },
      },
    },
  })
  stops.unshift(() => stage.close())
  registry = stage.team.registry
  front.judge = stage.team.stack.judgeEcrPassword
  return { stage, front, host }
}

/** Every place where a record or a line for people could hold the token. */
const readRecords = async (stage: Stage): Promise<string> => {
  const ssm = new SSMClient(stage.team.stack.client)
  const records = [
    await scanJournal(stage),
    await ssm.send(new ListCommandsCommand({})),
    await ssm.send(new ListCommandInvocationsCommand({ Details: true })),
    await stage.team.operators.invoke('status', {}),
    stage.said,
  ]
  return JSON.stringify(records)
}

test.skipIf(!isInLane())(
  'deploys an image at Amazon ECR by the role of the functions, with a new token for each deployment',
  async () => {
    const { stage, front, host } = await openEcrStage()
    const { stack } = stage.team
    expectDeployed(await stage.release(app, 'first'))
    expect(await stage.ask(app)).toContain('first')
    const running = ['inspect', '--format', '{{.Config.Image}}', `landfall-${app}.1`]
    expect(await docker(running)).toContain(`${host}/acme/${app}@sha256:`)
    const [token = ''] = front.passwords
    expect(stack.judgeEcrPassword(token)).toBe('valid')
    const traces = toTraces({ 'the token': token.slice(500, 540) })
    expect(findIn(traces, await readRecords(stage))).toEqual([])

    // Thirteen hours later a token of before is refused, as docker would be with one that it had kept.
    stack.pass(13 * 3600)
    expect(stack.judgeEcrPassword(token)).toBe('expired')
    expectDeployed(await stage.release(app, 'second'))
    expect(stack.judgeEcrPassword(front.passwords.at(-1) ?? '')).toBe('valid')

    // Nothing but ECR's event tells of it.
    await announcePush(stage, 'second')
    expectDeployed(await stage.nextDeployment(announced), { by: 'ecr' })

    front.denied = 'ecr:GetDownloadUrlForLayer'
    const refused = await stage.release(app, 'third')
    expectFailed(refused, 'registry_unauthorized')
    expect(JSON.stringify(refused)).not.toContain('arn:aws')
    expect(await stage.ask(app)).toContain('second')

    front.denied = 'ecr:BatchGetImage'
    await stage.push(app, 'fourth')
    const plan = JSON.stringify(
      await stage.team.operators.invoke('plan', { app, revision: toCommit('fourth') }),
    )
    expect(plan).toContain(`Amazon ECR refuses ecr:BatchGetImage on the repository acme/${app}`)
    // SSM keeps what Docker printed; what Landfall keeps of it names no role.
    expect(JSON.stringify(await scanJournal(stage))).not.toContain('assumed-role')
  },
)
