import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listen } from '../../local/base/listen.ts'
import type { Registry } from '../../local/docker/registry.ts'
import { startHerokuFor, type LocalHeroku } from '../../local/stack/heroku.ts'
import { appOf, configurationOf } from '../support/apps.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'
import { herokuTarget } from '../support/targets.ts'

const token = 'landfall/local/heroku'
const image = `sha256:${'a'.repeat(64)}`

const configuration = configurationOf(
  appOf('shop', { targets: [herokuTarget({ app: 'acme-shop', process: 'clock', token })] }),
)

/** One image under `latest` of acme-shop/web, and what was put beside it. */
const startImages = async (puts: string[]): Promise<Registry> => {
  const server = createServer((request, response) => {
    request.resume()
    const { method, url = '' } = request
    const isPut = method === 'PUT'
    if (isPut) puts.push(url)
    const isThere = url === '/v2/acme-shop/web/manifests/latest' || puts.includes(url)
    response.writeHead(isThere ? (isPut ? 201 : 200) : 404)
    response.end(JSON.stringify({ config: { digest: image } }))
  })
  const port = await listen(server, 0)
  return {
    address: `localhost:${port}`,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

describe('the local stack’s Heroku', () => {
  let test: TestAws
  let secrets: SecretsManagerClient
  let heroku: LocalHeroku | null
  let puts: string[]
  const start = (of = configuration) =>
    startHerokuFor(test.client, of, {
      stateDirectory: test.directory,
      say: () => undefined,
      startRegistry: () => startImages(puts),
      startDynos: () => Promise.resolve(null),
    })
  beforeEach(async () => {
    puts = []
    test = await startTestAws()
    secrets = new SecretsManagerClient(test.client)
    heroku = await start()
  })
  afterEach(async () => {
    await heroku?.stop()
    secrets.destroy()
    await test.stop()
  })

  const ask = (path: string, key: string, method = 'GET', body?: unknown): Promise<Response> =>
    fetch(new URL(`/apps/acme-shop${path}`, heroku?.server.url), {
      method,
      headers: {
        accept: `application/vnd.heroku+json; version=3${path === '/formation' ? '.docker-releases' : ''}`,
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const askRegistry = async (key: string, method = 'GET', type = 'text/plain'): Promise<number> => {
    const authorization = `Basic ${Buffer.from(`_:${key}`).toString('base64')}`
    const url = new URL('/v2/acme-shop/web/manifests/latest', heroku?.front.url)
    const headers = { authorization, 'content-type': type }
    return (await fetch(url, { method, headers, ...(method === 'PUT' && { body: '{}' }) })).status
  }
  const readToken = async (): Promise<string> =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: token }))).SecretString ?? ''
  const release = async (key: string) =>
    ask('/formation', key, 'PATCH', { updates: [{ type: 'web', docker_image: image }] })

  it('is there only where an app runs at Heroku', async () => {
    expect(await start(configurationOf(appOf('shop')))).toBeNull()
  })

  it('has the apps of landfall.yml, with a dyno for the process that each names', async () => {
    expect(await (await ask('', await readToken())).json()).toMatchObject({
      name: 'acme-shop',
      stack: { name: 'container' },
    })
    expect(heroku?.server.app('acme-shop').settings.quantities).toEqual({ web: 1, clock: 1 })
  })

  it('creates the token that is not set, and takes the one that the secret holds now', async () => {
    const created = await readToken()
    expect(created).toMatch(/^HRKU-[0-9a-f]{32}$/)
    expect([(await ask('', created)).status, await askRegistry(created)]).toEqual([200, 200])
    const SecretString = 'HRKU-of-the-team\n'
    await secrets.send(new PutSecretValueCommand({ SecretId: token, SecretString }))
    expect([(await ask('', created)).status, await askRegistry(created)]).toEqual([401, 401])
    const own = SecretString.trim()
    expect([(await ask('', own)).status, await askRegistry(own)]).toEqual([200, 200])
    await secrets.send(
      new DeleteSecretCommand({ SecretId: token, ForceDeleteWithoutRecovery: true }),
    )
    expect([(await ask('', own)).status, await askRegistry(own)]).toEqual([401, 401])
    expect(heroku?.server.violations).toEqual([])
  })

  it('takes no OCI manifest in its registry', async () => {
    const oci = 'application/vnd.oci.image.manifest.v1+json'
    expect(await askRegistry(await readToken(), 'PUT', oci)).toBe(415)
    expect(puts).toEqual([])
  })

  it('releases what its registry has, which is kept there under its id', async () => {
    const key = await readToken()
    expect((await release(key)).status).toBe(200)
    expect(heroku?.server.app('acme-shop').current().images).toEqual({ web: image })
    expect(new Set(puts)).toEqual(new Set([`/v2/acme-shop/web/manifests/${'a'.repeat(64)}`]))
    expect((await release(key)).status).toBe(200)
    const other = { type: 'web', docker_image: `sha256:${'b'.repeat(64)}` }
    expect((await ask('/formation', key, 'PATCH', { updates: [other] })).status).toBe(404)
  })

  it('keeps its releases and, sealed, its config vars when it is started again', async () => {
    const key = await readToken()
    await ask('/config-vars', key, 'PATCH', { SECRET_KEY: 'only-the-app-knows' })
    await release(key)
    await heroku?.stop()
    const file = readFileSync(join(test.directory, 'heroku.sealed'), 'utf8')
    expect(file).not.toContain('only-the-app-knows')
    heroku = await start()
    expect(await readToken()).toBe(key)
    expect(await (await ask('/config-vars', key)).json()).toEqual({
      SECRET_KEY: 'only-the-app-knows',
    })
    expect(heroku?.server.app('acme-shop').releases()).toHaveLength(3)
  })
})
