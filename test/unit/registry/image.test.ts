import { expect, test } from 'vitest'
import { parseImage, parseReference } from '../../../src/registry/image.ts'

test.each([
  ['nginx', 'docker.io', 'https://registry-1.docker.io/', 'library/nginx'],
  ['acme/shop', 'docker.io', 'https://registry-1.docker.io/', 'acme/shop'],
  ['docker.io/nginx', 'docker.io', 'https://registry-1.docker.io/', 'library/nginx'],
  ['index.docker.io/acme/shop', 'docker.io', 'https://registry-1.docker.io/', 'acme/shop'],
  ['ghcr.io/acme/web/shop', 'ghcr.io', 'https://ghcr.io/', 'acme/web/shop'],
  ['registry:5000/shop', 'registry:5000', 'https://registry:5000/', 'shop'],
  ['localhost/shop', 'localhost', 'http://localhost/', 'shop'],
  ['localhost:5000/acme/shop', 'localhost:5000', 'http://localhost:5000/', 'acme/shop'],
  ['127.0.0.1:5000/shop', '127.0.0.1:5000', 'http://127.0.0.1:5000/', 'shop'],
  [
    '127.0.0.1.example:5000/shop',
    '127.0.0.1.example:5000',
    'https://127.0.0.1.example:5000/',
    'shop',
  ],
])('reads the image %s as Docker does', (image, host, origin, repository) => {
  const address = parseImage(image)
  const expected = { host, origin, repository, realm: null }
  expect({ ...address, origin: address.origin.href }).toEqual(expected)
})

const digest = `sha256:${'a'.repeat(64)}`

test.each([
  ['haproxy', 'haproxy', 'latest'],
  ['registry:5000/haproxy', 'registry:5000/haproxy', 'latest'],
  ['registry:5000/haproxy:3.2', 'registry:5000/haproxy', '3.2'],
  [`registry:5000/haproxy@${digest}`, 'registry:5000/haproxy', digest],
  // As Renovate writes it.
  [`registry:5000/haproxy:3.2@${digest}`, 'registry:5000/haproxy', digest],
])('reads the full name %s as a repository and what names the image there', (name, image, tag) => {
  expect(parseReference(name)).toEqual({ image, tag })
})
