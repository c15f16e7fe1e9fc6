import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRenderFor, type LocalRender } from '../../local/stack/render.ts'
import { appOf, configurationOf } from '../support/apps.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'
import { renderTarget } from '../support/targets.ts'

const id = 'srv-000000000000000000g0'
const token = 'landfall/local/render'
const imageUrl = `localhost:5000/acme/shop@sha256:${'a'.repeat(64)}`

const configuration = configurationOf(
  appOf('shop', {
    image: 'localhost:5000/acme/shop',
    targets: [renderTarget({ service: id, token })],
  }),
)

describe('the local stack’s Render', () => {
  let test: TestAws
  let secrets: SecretsManagerClient
  let render: LocalRender | null
  beforeEach(async () => {
    test = await startTestAws()
    secrets = new SecretsManagerClient(test.client)
    render = await startRenderFor(test.client, configuration, test.directory)
  })
  afterEach(async () => {
    await render?.stop()
    secrets.destroy()
    await test.stop()
  })

  const ask = (path: string, key: string, method = 'GET', body?: unknown): Promise<Response> =>
    fetch(new URL(`/v1/services/${id}${path}`, render?.server.url), {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const readKey = async (): Promise<string> =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: token }))).SecretString ?? ''

  it('is there only where an app runs at Render', async () => {
    expect(
      await startRenderFor(test.client, configurationOf(appOf('shop')), test.directory),
    ).toBeNull()
  })

  it('has the services of landfall.yml, each with the image of its app', async () => {
    expect(await (await ask('', await readKey())).json()).toMatchObject({
      id,
      name: 'shop',
      imagePath: 'localhost:5000/acme/shop',
    })
  })

  it('makes the API key that nobody has set, and lets in who has what the secret holds now', async () => {
    const made = await readKey()
    expect(made).toMatch(/^rnd_[0-9a-f]{32}$/)
    const SecretString = 'rnd_of_somebody\n'
    await secrets.send(new PutSecretValueCommand({ SecretId: token, SecretString }))
    expect((await ask('', made)).status).toBe(401)
    expect((await ask('', 'rnd_of_somebody')).status).toBe(200)
    await secrets.send(
      new DeleteSecretCommand({ SecretId: token, ForceDeleteWithoutRecovery: true }),
    )
    expect((await ask('', 'rnd_of_somebody')).status).toBe(401)
    expect(render?.server.violations).toEqual([])
  })

  it('keeps its deploys and, sealed, its variables when it is started again', async () => {
    const key = await readKey()
    await ask('/env-vars/SECRET_KEY', key, 'PUT', { value: 'only-the-service-knows' })
    await ask('/deploys', key, 'POST', { imageUrl })
    await render?.stop()
    const file = readFileSync(join(test.directory, 'render.sealed'), 'utf8')
    expect(file).not.toContain('only-the-service-knows')
    render = await startRenderFor(test.client, configuration, test.directory)
    expect(await readKey()).toBe(key)
    expect(await (await ask('/env-vars/SECRET_KEY', key)).json()).toMatchObject({
      value: 'only-the-service-knows',
    })
    expect(await (await ask('/deploys', key)).json()).toMatchObject([
      { deploy: { image: { ref: imageUrl } } },
    ])
  })
})
