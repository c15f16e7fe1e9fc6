import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { AppName, Generation, InstanceId } from '../../../src/kernel/id.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { RegistryLogin, readRegistryLogin } from '../../../src/secrets/app-secret.ts'
import { renderEnvelopePlaintext, type EnvelopeContent } from '../../../src/secrets/envelope.ts'
import { assembleEnvironment } from '../../../src/secrets/environment.ts'

const render = (more: Partial<EnvelopeContent> = {}): string => {
  const environment = assembleEnvironment({
    env: { HOSTS: 'shop.example.com' },
    secret: new Redacted('{"KEY": "first line\\nsecond line"}'),
  })
  if (!environment.ok) throw new Error(environment.error.message)
  return renderEnvelopePlaintext({
    app: AppName.parse('shop'),
    generation: Generation.parse(7),
    instances: ['i-00000001', 'mi-00000002'].map((id) => InstanceId.parse(id)),
    environment: environment.value,
    registry: null,
    ...more,
  }).reveal()
}

test('renders the recipients, then each variable and each mask, each ended by NUL', () => {
  const head = 'landfall/1 shop 7 i-00000001,mi-00000002'
  const rest =
    '\nenv HOSTS=shop.example.com\0env KEY=first line\nsecond line\0' +
    'mask second line\0mask first line\0'
  const digest = createHash('sha256')
    .update(head + rest)
    .digest('hex')
  expect(render()).toBe(`${head} ${digest}${rest}`)
})

test('renders a value that is masked as a whole once', () => {
  const environment = assembleEnvironment({
    env: { COPY: 'a-long-secret', PLAIN: 'words in the open' },
    secret: new Redacted('{"TOKEN": "a-long-secret", "SHORT": "1234"}'),
  })
  if (!environment.ok) throw new Error(environment.error.message)
  expect(render({ environment: environment.value }).split('\n')[1]).toBe(
    'secret COPY=a-long-secret\0env PLAIN=words in the open\0env TOKEN=a-long-secret\0env SHORT=1234\0',
  )
})

test('renders the login of a private registry and masks its password', () => {
  const login = RegistryLogin.parse({ username: 'shop', password: 'dckr_pat_1' })
  expect(render({ registry: { host: 'docker.io', ...login } })).toMatch(
    /mask dckr_pat_1\0registry docker\.io\0username shop\0password dckr_pat_1\0$/,
  )
})

test.each([
  'dckr_pat_1',
  '{}',
  '{"username": "shop"}',
  '{"username": "shop", "password": ""}',
  '{"username": "shop", "password": "two\\nlines"}',
  '{"username": "sh\\u0000op", "password": "dckr_pat_1"}',
])('refuses the registry secret %s', async (text) => {
  const read = async () => succeed({ value: new Redacted(text), versionId: 'v1' })
  const message = 'landfall/registry is not { "username": "…", "password": "…" }'
  expect(await readRegistryLogin(read, 'landfall/registry')).toEqual(
    fail({ reason: 'secret_invalid', message }),
  )
})
