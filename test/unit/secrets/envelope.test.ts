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
    'mask c2Vjb25kIGxpbm\0mask NlY29uZCBsaW5l\0mask zZWNvbmQgbGluZ\0mask Zmlyc3QgbGluZ\0' +
    'mask maXJzdCBsaW5l\0mask second%20line\0mask first%20line\0mask ZpcnN0IGxpbm\0' +
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
  const entries = render({ environment: environment.value }).split(/[\n\0]/)
  expect(entries.filter((entry) => /^(?:env|secret) /.test(entry))).toEqual([
    'env PLAIN=words in the open',
    'env TOKEN=a-long-secret',
    'env SHORT=1234',
    'secret COPY=a-long-secret',
  ])
  expect(entries).not.toContain('mask a-long-secret')
})

test('renders the login of a private registry and masks its password', () => {
  const login = RegistryLogin.parse({ username: 'shop', password: 'dckr_pat_1' })
  expect(render({ registry: { host: 'docker.io', ...login } })).toMatch(
    /mask dckr_pat_1\0(?:mask .*\0)*registry docker\.io\0username shop\0password dckr_pat_1\0$/,
  )
})

/** The entries for an app with so many secrets of so many characters. */
const entriesOf = (count: number, characters: number): readonly string[] => {
  const values = Array.from({ length: count }, (_, index) => [
    `KEY_${index}`,
    `<${index}>`.padEnd(characters, 'x'),
  ])
  const secret = new Redacted(JSON.stringify(Object.fromEntries(values)))
  const environment = assembleEnvironment({ env: {}, secret })
  if (!environment.ok) throw new Error(environment.error.message)
  return render({ environment: environment.value }).split('\n')[1]?.split('\0').slice(0, -1) ?? []
}
const bytesOf = (entries: readonly string[]): number => Buffer.byteLength(entries.join('\0')) + 1

test('masks other forms of the values as far as 8 KiB reach, the likeliest first', () => {
  const entries = entriesOf(60, 30)
  const kinds = [/^secret /, /^mask %3C/, /^mask &lt;/, /^mask PD/]
  expect(kinds.map((kind) => entries.filter((one) => kind.test(one)).length)).toEqual([
    60, 60, 60, 12,
  ])
  expect(entries).toHaveLength(60 + 60 + 60 + 12)
  expect(bytesOf(entries)).toBeGreaterThan(8192 - 100)
  expect(bytesOf(entries)).toBeLessThanOrEqual(8192)
})

test('makes no envelope of more than 8 KiB larger by masks of other forms', () => {
  const entries = entriesOf(100, 100)
  expect(entries.filter((entry) => entry.startsWith('secret '))).toHaveLength(100)
  expect(entries).toHaveLength(100)
})

test('lists the longest mask first, in bytes, as the host needs them', () => {
  const lengths = entriesOf(30, 30)
    .map((entry) => entry.replace(/^(?:secret \w+=|mask )/, ''))
    .map((text) => Buffer.byteLength(text))
  expect(lengths).toEqual(lengths.toSorted((one, other) => other - one))
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
