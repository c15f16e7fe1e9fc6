import { ECRClient } from '@aws-sdk/client-ecr'
import { expect, test } from 'vitest'
import { createEcrLogins } from '../../../src/aws/ecr.ts'
import type { EcrRegistry } from '../../../src/secrets/app-secret.ts'
import { useServers } from '../../support/serve.ts'

const serve = useServers()
const registry: EcrRegistry = { account: '123456789012', region: 'eu-west-3', isFips: false }
const begin = Date.UTC(2026, 10, 30, 12)
const hour = 3600

const tokenOf = (text: string): string => Buffer.from(text).toString('base64')

/** The real client before a server that answers so, and what it was asked. */
const world = async (
  answer: (count: number) => { readonly status?: number; readonly body: object },
) => {
  const asked: string[] = []
  let seconds = 0
  const url = await serve((request, response) => {
    asked.push(['x-amz-target', 'authorization'].map((name) => request.headers[name]).join(' '))
    const { status = 200, body } = answer(asked.length)
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(body))
  })
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' }
  const readLogin = createEcrLogins(
    () => new Date(begin + seconds * 1000),
    ({ region }) => new ECRClient({ region, endpoint: url.href, credentials, maxAttempts: 1 }),
  )
  return { readLogin, asked, pass: (more: number) => void (seconds += more) }
}

const answerWith = (text: string, validSeconds: number) => (count: number) => ({
  body: {
    authorizationData: [
      {
        authorizationToken: tokenOf(text.replace('#', `${count}`)),
        expiresAt: begin / 1000 + validSeconds,
        proxyEndpoint: 'https://123456789012.dkr.ecr.eu-west-3.amazonaws.com',
      },
    ],
  },
})

const passwordOf = (login: Awaited<ReturnType<Awaited<ReturnType<typeof world>>['readLogin']>>) =>
  login.ok ? login.value.password.reveal() : login.error.reason

test('takes the token as the login that docker is given', async () => {
  const { readLogin, asked } = await world(answerWith('AWS:pass:word', 12 * hour))
  const login = await readLogin(registry)
  expect(login).toMatchObject({ ok: true, value: { username: 'AWS' } })
  expect(passwordOf(login)).toBe('pass:word')
  expect(JSON.stringify(login)).not.toContain('pass:word')
  expect(asked[0]).toMatch(
    /^AmazonEC2ContainerRegistry_V20150921\.GetAuthorizationToken .*eu-west-3\/ecr/,
  )
})

test('keeps a token for five minutes, and none of thirteen hours ago', async () => {
  const { readLogin, pass } = await world(answerWith('AWS:token-#', 12 * hour))
  expect(passwordOf(await readLogin(registry))).toBe('token-1')
  pass(299)
  expect(passwordOf(await readLogin(registry))).toBe('token-1')
  pass(2)
  expect(passwordOf(await readLogin(registry))).toBe('token-2')
  pass(13 * hour)
  expect(passwordOf(await readLogin(registry))).toBe('token-3')
})

test('keeps a token no longer than it is valid', async () => {
  const { readLogin, pass } = await world(answerWith('AWS:token-#', 60))
  expect(passwordOf(await readLogin(registry))).toBe('token-1')
  pass(61)
  expect(passwordOf(await readLogin(registry))).toBe('token-2')
})

test('asks for a token of each region, and by FIPS for another', async () => {
  const { readLogin, asked } = await world(answerWith('AWS:token-#', 12 * hour))
  await readLogin(registry)
  await readLogin({ ...registry, account: '210987654321' })
  await readLogin({ ...registry, region: 'us-east-1' })
  await readLogin({ ...registry, isFips: true })
  expect(asked.map((line) => /[a-z]+-[a-z]+-\d/.exec(line)?.[0])).toEqual([
    'eu-west-3',
    'us-east-1',
    'eu-west-3',
  ])
})

const refused =
  (type: string, status = 400) =>
  () => ({
    status,
    body: { __type: type, message: 'User: arn:aws:sts::123456789012:assumed-role/landfall' },
  })

test.each([
  [
    'AccessDeniedException',
    400,
    'registry_unauthorized',
    /^AWS refuses ecr:GetAuthorizationToken .*\(AccessDeniedException\); .* a permissions boundary /,
  ],
  ['UnrecognizedClientException', 400, 'registry_unauthorized', /the region enabled for it\?$/],
  [
    'InvalidParameterException',
    400,
    'registry_unauthorized',
    /^Amazon ECR gave no token \(InvalidParameterException\)$/,
  ],
  [
    'ExpiredTokenException',
    400,
    'registry_unavailable',
    /gave no token \(ExpiredTokenException\)$/,
  ],
  ['ThrottlingException', 400, 'registry_unavailable', /gave no token/],
  ['ServerException', 500, 'registry_unavailable', /gave no token/],
])(
  'says why the role gets no token, without AWS’s words: %s',
  async (type, status, reason, message) => {
    const { readLogin } = await world(refused(type, status))
    const login = await readLogin(registry)
    expect(login).toMatchObject({ ok: false, error: { reason } })
    expect(login.ok ? '' : login.error.message).toMatch(message)
    expect(JSON.stringify(login)).not.toContain('arn:')
  },
)

test.each([
  ['nothing', {}],
  ['no token', { authorizationData: [{}] }],
  ['a token without a password', { authorizationData: [{ authorizationToken: tokenOf('AWS') }] }],
  ['a token of two lines', { authorizationData: [{ authorizationToken: tokenOf('AWS:a\nb') }] }],
])('has no login where Amazon ECR answers %s', async (_what, body) => {
  const { readLogin } = await world(() => ({ body }))
  expect(await readLogin(registry)).toMatchObject({
    ok: false,
    error: { reason: 'registry_unavailable' },
  })
})
