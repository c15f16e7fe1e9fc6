import { expect, test } from 'vitest'
import { isTrustedRealm, parseChallenge } from '../../../src/registry/challenge.ts'

test('reads the bearer challenge of Docker Hub', () => {
  const header =
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:acme/shop:pull"'
  expect(parseChallenge(header)).toEqual({
    kind: 'bearer',
    realm: new URL('https://auth.docker.io/token'),
    service: 'registry.docker.io',
    scope: 'repository:acme/shop:pull',
  })
})

test.each([
  ['Basic realm="Registry"', { kind: 'basic' }],
  ['basic', { kind: 'basic' }],
  ['', null],
  ['Negotiate', null],
  ['Bearer service="registry"', null],
  ['Bearer realm="not an address"', null],
])('reads the challenge %j', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge)
})

const own = 'https://registry.example.com'
const named = 'https://auth.example.org/token'

test.each([
  ['of Docker Hub', 'https://auth.docker.io/token', 'https://registry-1.docker.io'],
  ['of gitlab.com', 'https://gitlab.com/jwt/auth', 'https://registry.gitlab.com'],
  ['of GHCR', 'https://ghcr.io/token', 'https://ghcr.io'],
  ['of its own', `${own}/token`, own],
  ['of its own port', `${own}:5000/token`, `${own}:5000`],
  ['of its own host', `${own}/jwt/auth`, `${own}:5050`],
  ['beside it on this machine', 'http://localhost:5000/token', 'http://localhost:5000'],
])('asks the token service of a registry %s', (_whose, realm, registry) => {
  expect(isTrustedRealm(new URL(realm), new URL(registry), null)).toBe(true)
})

test.each([
  ['of anybody', 'https://collector.example/token', 'https://registry-1.docker.io'],
  [
    'that begins like it',
    'https://auth.docker.io.collector.example/token',
    'https://registry-1.docker.io',
  ],
  ['that ends like it', 'https://notexample.com/token', own],
  ['in its own domain', 'https://gitlab.example.com/jwt/auth', own],
  ['of the domain itself', 'https://example.com/token', own],
  ['of another customer', 'https://evil.azurecr.io/token', 'https://acme.azurecr.io'],
  ['of another account', 'https://evil.jfrog.io/token', 'https://acme.jfrog.io'],
  ['under a public suffix', 'https://evil.co.uk/token', 'https://acme.co.uk'],
  ['on another port', `${own}:9000/token`, own],
  [
    'of a known one on another port',
    'https://auth.docker.io:8443/token',
    'https://registry-1.docker.io',
  ],
  [
    'of a known one whose registry is on another port',
    'https://gitlab.com/jwt/auth',
    'https://registry.gitlab.com:5000',
  ],
  ['without HTTPS', 'http://registry.example.com/token', own],
  ['with a login in it', 'https://a:b@registry.example.com/token', own],
  ["of Lambda's Runtime API", 'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next', own],
  ['of the metadata service', 'http://169.254.169.254/latest/meta-data/', own],
  ['in a private network', 'https://10.0.0.9/token', 'https://10.0.0.8'],
  ['on another port of this machine', 'http://localhost:9001/token', 'http://localhost:5000'],
])('asks no token service %s', (_whose, realm, registry) => {
  expect(isTrustedRealm(new URL(realm), new URL(registry), null)).toBe(false)
})

test.each([
  ['it', named, named, true],
  ['it with a query', `${named}?account=me`, named, true],
  ['another path of it', 'https://auth.example.org/other', named, false],
  ['another port of it', 'https://auth.example.org:8443/token', named, false],
  ['another one', 'https://collector.example/token', named, false],
  ['its own', `${own}/token`, named, true],
  ['this machine', 'http://localhost:9001/', 'http://localhost:9001/', false],
])(
  'decides by the token service of landfall.yml where a registry names %s',
  (_what, realm, of, isTrusted) => {
    expect(isTrustedRealm(new URL(realm), new URL(own), new URL(of))).toBe(isTrusted)
  },
)

test('asks a token service of this machine that landfall.yml names for a registry of this machine', () => {
  const realm = new URL('http://localhost:5001/token')
  expect(isTrustedRealm(realm, new URL('http://localhost:5000'), realm)).toBe(true)
})
