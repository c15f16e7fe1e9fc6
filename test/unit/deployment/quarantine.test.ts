import { describe, expect, it } from 'vitest'
import type { Release } from '../../../src/deployment/deployment.ts'
import { isSameContent } from '../../../src/deployment/quarantine.ts'
import { Generation } from '../../../src/kernel/id.ts'
import { lettings } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'

const releaseAt = (index: number, env: Release['settings']['env'] = {}): Release => ({
  generation: Generation.parse(index),
  revision: commitAt(index),
  commit: commitAt(index),
  digest: digestAt(index),
  secretVersion: null,
  origin: null,
  settings: { ...lettings, env },
  promotedFrom: null,
})

describe('two releases are the same content', () => {
  const release = releaseAt(1, { DEBUG: 'False', LANG: 'fr' })

  it('takes two releases as the same content where image, secrets and env are the same, in any order', () => {
    expect(isSameContent(release, releaseAt(1, { LANG: 'fr', DEBUG: 'False' }))).toBe(true)
    expect(isSameContent(releaseAt(1), releaseAt(1))).toBe(true)
  })

  it.each<[string, Release]>([
    ['another image', releaseAt(2, { DEBUG: 'False', LANG: 'fr' })],
    ['other secrets', { ...release, secretVersion: 'rotated' }],
    ['another value', releaseAt(1, { DEBUG: 'True', LANG: 'fr' })],
    ['another name', releaseAt(1, { DEBUG: 'False', TZ: 'fr' })],
    ['one name more', releaseAt(1, { DEBUG: 'False', LANG: 'fr', TZ: 'UTC' })],
    ['one name less', releaseAt(1, { DEBUG: 'False' })],
  ])('does not take two releases as the same content with %s', (_what, other) => {
    expect(isSameContent(release, other)).toBe(false)
    expect(isSameContent(other, release)).toBe(false)
  })
})
