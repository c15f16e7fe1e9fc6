import { describe, expect, it, test } from 'vitest'
import { parseManifest, parseRevisionLabel } from '../../../src/registry/label.ts'

const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))

const entry = (letter: string, os: string, architecture: string, more: object = {}) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: digestOf(letter),
  size: 500,
  platform: { os, architecture },
  ...more,
})

const attestation = entry('f', 'unknown', 'unknown', {
  annotations: {
    'vnd.docker.reference.digest': digestOf('a'),
    'vnd.docker.reference.type': 'attestation-manifest',
  },
})

const indexOf = (...manifests: readonly object[]) =>
  parseManifest(
    bytesOf({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests,
    }),
  )

describe('an index', () => {
  it('is read for linux/amd64 where it has that', () => {
    const next = indexOf(entry('b', 'linux', 'arm64'), entry('a', 'linux', 'amd64'), attestation)
    expect(next).toEqual({ kind: 'manifest', digest: digestOf('a') })
  })

  it('of another platform alone is read for that, not for its attestation', () => {
    expect(indexOf(attestation, entry('b', 'linux', 'arm64'))).toEqual({
      kind: 'manifest',
      digest: digestOf('b'),
    })
  })

  it('may name no platform', () => {
    expect(indexOf({ digest: digestOf('c') })).toEqual({ kind: 'manifest', digest: digestOf('c') })
  })

  it('of attestations alone, or of nothing, leads nowhere', () => {
    expect(indexOf(attestation)).toBeNull()
    expect(indexOf()).toBeNull()
  })
})

test('a manifest names its configuration', () => {
  const manifest = { schemaVersion: 2, config: { digest: digestOf('d'), size: 1 }, layers: [] }
  expect(parseManifest(bytesOf(manifest))).toEqual({
    kind: 'configuration',
    digest: digestOf('d'),
  })
})

test.each([['{'], ['[]'], ['null'], ['{"manifests":[{"digest":"x"}]}'], ['{"config":{}}']])(
  'what is no manifest leads nowhere: %s',
  (text) => {
    expect(parseManifest(Buffer.from(text))).toBeNull()
  },
)

const commit = '0123456789abcdef0123456789abcdef01234567'
const labelled = (label: unknown) =>
  parseRevisionLabel(
    bytesOf({ config: { Labels: { 'org.opencontainers.image.revision': label } } }),
  )

test('the label names the full commit', () => {
  expect(labelled(commit)).toBe(commit)
})

test.each([['0123456'], ['main'], [''], [`${commit}-dirty`], [7], [null]])(
  'a label that is no full commit names none: %s',
  (label) => {
    expect(labelled(label)).toBeNull()
  },
)

test.each([
  ['no labels', { config: {} }],
  ['null labels', { config: { Labels: null } }],
  ['no configuration', {}],
  ['other labels only', { config: { Labels: { maintainer: 'ada' } } }],
])('an image with %s names no commit', (_what, configuration) => {
  expect(parseRevisionLabel(bytesOf(configuration))).toBeNull()
})
