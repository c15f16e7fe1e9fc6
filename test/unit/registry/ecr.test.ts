import { describe, expect, test } from 'vitest'
import type { Http, HttpResponse } from '../../../src/kernel/http.ts'
import { Digest } from '../../../src/kernel/id.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { parseEcr } from '../../../src/registry/ecr.ts'
import { createImages } from '../../../src/registry/images.ts'
import { createReadLogin } from '../../../src/registry/login.ts'
import type { ReadEcrLogin } from '../../../src/secrets/app-secret.ts'
import { appOf } from '../../support/apps.ts'
import { failedSecret } from '../../support/failed-secret.ts'

const account = '123456789012'
const region = 'eu-west-3'

test.each([
  [`${account}.dkr.ecr.eu-west-3.amazonaws.com`, 'eu-west-3', false],
  [`${account}.dkr.ecr.us-gov-west-1.amazonaws.com`, 'us-gov-west-1', false],
  [`${account}.dkr.ecr.cn-north-1.amazonaws.com.cn`, 'cn-north-1', false],
  [`${account}.dkr.ecr-fips.us-east-1.amazonaws.com`, 'us-east-1', true],
  [`${account}.dkr-ecr.eu-west-3.on.aws`, 'eu-west-3', false],
])('knows %s as a registry of Amazon ECR', (host, of, isFips) => {
  expect(parseEcr(host)).toEqual({ account, region: of, isFips })
})

test.each([
  'public.ecr.aws',
  'docker.io',
  `${account}.dkr.ecr.eu-west-3.amazonaws.com.evil.example`,
  `${account}.dkr.ecr.evil.example.eu-west-3.amazonaws.com`,
  `${account}.dkr.ecr.eu-west-3.amazonaws.com:8443`,
  `${account}.dkr.ecr.eu-west-3.evil-amazonaws.com`,
  `${account}.dkr.ecr.eu-west-3.evil.amazonaws.com`,
  `1${account}.dkr.ecr.eu-west-3.amazonaws.com`,
  `a.${account}.dkr.ecr.eu-west-3.amazonaws.com`,
])('does not take %s for a registry of Amazon ECR', (host) => {
  expect(parseEcr(host)).toBeNull()
})

const image = `${account}.dkr.ecr.${region}.amazonaws.com/acme/shop`
const app = appOf('shop', { image })
const digest = Digest.parse(`sha256:${'a'.repeat(64)}`)
const token = { username: 'AWS', password: new Redacted('t0ken-of-ecr') }
const basic = `Basic ${Buffer.from('AWS:t0ken-of-ecr').toString('base64')}`
const challenge = {
  'www-authenticate': `Basic realm="https://${image}/",service="ecr.amazonaws.com"`,
}

/** ECR, which gives this to whoever has its token, and what it was asked with. */
const world = (
  reply: Partial<Omit<HttpResponse, 'headers'>>,
  readEcrLogin: ReadEcrLogin = () => Promise.resolve(succeed(token)),
) => {
  const sent: (string | null)[] = []
  const asked: string[] = []
  const http: Http = async ({ authorization }) => {
    sent.push(authorization?.reveal() ?? null)
    if (authorization === null || authorization === undefined)
      return succeed({ status: 401, headers: new Headers(challenge), body: new Uint8Array() })
    const headers = new Headers({ 'docker-content-digest': digest })
    return succeed({ status: 200, headers, body: new Uint8Array(), ...reply })
  }
  const readSecret = () => Promise.resolve(failedSecret('secret_missing'))
  const readLogin = createReadLogin(readSecret, (registry) => {
    asked.push(registry.region)
    return readEcrLogin(registry)
  })
  return { images: createImages(http, readLogin), readLogin, sent, asked }
}

test('asks Amazon ECR with the token of the function’s role, and no secret for it', async () => {
  const { images, sent } = world({})
  expect(await images.findDigest(app, 'v1')).toEqual(succeed(digest))
  expect(sent).toEqual([null, basic])
})

test('asks Amazon ECR with the login of a secret where the app names one', async () => {
  const { images, asked } = world({})
  const found = await images.findDigest({ ...app, registry: 'landfall/registry' }, 'v1')
  expect(found).toMatchObject({ ok: false, error: { reason: 'secret_missing' } })
  expect(asked).toEqual([])
})

test('asks for no token of Amazon ECR for another registry', async () => {
  const { readLogin, asked } = world({})
  expect(await readLogin({ image: 'acme/shop', registry: null })).toEqual(succeed(null))
  expect(asked).toEqual([])
  expect(await readLogin(app)).toEqual(succeed(token))
  expect(asked).toHaveLength(1)
})

/** As ECR words it. */
const denied = JSON.stringify({
  errors: [
    {
      code: 'DENIED',
      message: `User: arn:aws:sts::${account}:assumed-role/landfall/reconcile is not authorized to perform: ecr:BatchGetImage`,
    },
  ],
})

describe('a refusal of Amazon ECR', () => {
  test('names the action and the repository to mend, and passes on no word of its own', async () => {
    const { images } = world({ status: 403, body: Buffer.from(denied) })
    const found = await images.findDigest(app, 'v1')
    const message: unknown = expect.stringMatching(
      /ecr:BatchGetImage on the repository acme\/shop of account 123456789012 in eu-west-3: the functions have it for the images of landfall\.yml, unless a permissions boundary .*its policy must allow this account/,
    )
    expect(found).toEqual(
      fail({ reason: 'registry_unauthorized', retryAfterSeconds: null, message }),
    )
    expect(JSON.stringify(found)).not.toContain('arn:')
  })

  test('of an image says that the repository may be missing too', async () => {
    const { images } = world({ status: 404 })
    const missing: unknown = expect.stringContaining('is there the repository acme/shop of account')
    expect(await images.findDigest(app, 'v1')).toMatchObject({
      ok: false,
      error: { reason: 'image_missing', message: missing },
    })
  })

  test('of a token is told as it is, and asks the registry nothing', async () => {
    const refusal = { reason: 'registry_unauthorized', message: 'no token' } as const
    const { images, sent } = world({}, () => Promise.resolve(fail(refusal)))
    const found = await images.findDigest(app, 'v1')
    expect(found).toEqual(fail({ ...refusal, retryAfterSeconds: null }))
    expect(sent).toEqual([])
  })
})
