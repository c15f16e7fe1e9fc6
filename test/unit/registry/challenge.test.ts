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

test.each([
  ['https://auth.docker.io/token', 'https://registry-1.docker.io', true],
  ['https://registry.example.com/token', 'https://registry.example.com:5000', true],
  ['https://gitlab.com/jwt/auth', 'https://registry.gitlab.com', true],
  ['https://gitlab.example.com/jwt/auth', 'https://registry.example.com', true],
  ['http://localhost:5001/token', 'http://localhost:5000', true],
  ['http://registry.example.com/token', 'https://registry.example.com', false],
  ['https://collector.example/token', 'https://registry-1.docker.io', false],
  ['https://auth.docker.io.collector.example/token', 'https://registry-1.docker.io', false],
  ['https://notexample.com/token', 'https://registry.example.com', false],
  ['https://other.com/token', 'https://example.com', false],
  ['https://10.0.0.9/token', 'https://10.0.0.8', false],
])(
  'decides whether the token service %s may have the credentials of %s: %s',
  (realm, registry, isTrusted) => {
    expect(isTrustedRealm(new URL(realm), new URL(registry))).toBe(isTrusted)
  },
)
