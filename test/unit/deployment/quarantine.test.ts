import { describe, expect, it } from 'vitest'
import type { Head, QuarantinedSettings, Release } from '../../../src/deployment/head.ts'
import {
  addQuarantined,
  entriesAgainst,
  entriesFor,
  isQuarantined,
  isSameContent,
} from '../../../src/deployment/quarantine.ts'
import { Generation, type Commit, type Digest } from '../../../src/kernel/id.ts'
import { begin, lettings } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/rollout-world.ts'

const releaseAt = (
  index: number,
  env: Release['settings']['env'] = {},
  changes: Partial<Release> = {},
): Release => ({
  generation: Generation.parse(index),
  revision: commitAt(index),
  commit: commitAt(index),
  digest: digestAt(index),
  secretVersion: null,
  settings: { ...lettings, env },
  ...changes,
})

describe('two releases run the same', () => {
  const release = releaseAt(1, { DEBUG: 'False', LANG: 'fr' })

  it('where image, secrets and env are the same, in whatever order', () => {
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
  ])('but not with %s', (_what, other) => {
    expect(isSameContent(release, other)).toBe(false)
    expect(isSameContent(other, release)).toBe(false)
  })
})

const quarantineImage = (head: Head, commit: Commit | null, digest: Digest): Head =>
  addQuarantined(head, entriesFor([], { ...releaseAt(1), commit, digest }))
const quarantineRelease = (head: Head, left: Release): Head =>
  addQuarantined(head, entriesFor(head.releases, left))

describe('the quarantine', () => {
  it('holds an image without a commit by its digest alone', () => {
    expect(quarantineImage(begin().head, null, digestAt(1)).quarantine).toEqual([digestAt(1)])
  })

  it('keeps the newest 50, each once', () => {
    let { head } = begin()
    for (let index = 1; index <= 60; index += 1) head = quarantineImage(head, null, digestAt(index))
    head = quarantineImage(head, null, digestAt(40))
    expect(head.quarantine).toHaveLength(50)
    expect(head.quarantine.slice(0, 2)).toEqual([digestAt(40), digestAt(60)])
    expect(head.quarantine.at(-1)).toBe(digestAt(11))
  })

  it('keeps the newest three settings, for each is long, and every image', () => {
    const shared = { digest: digestAt(1) }
    const releases = [5, 4, 3, 2].map((index) => releaseAt(index, { TRY: String(index) }, shared))
    let { head } = begin({ quarantine: [commitAt(9)], releases: [...releases, releaseAt(1)] })
    for (const release of releases.toReversed()) head = quarantineRelease(head, release)
    const kept = [5, 4, 3].map((index): QuarantinedSettings => ({
      digest: digestAt(1),
      secretVersion: null,
      env: { TRY: String(index) },
    }))
    expect(head.quarantine).toEqual([...kept, commitAt(9)])
    expect(isQuarantined(head, releases[0] ?? releaseAt(9))).toBe(true)
    expect(isQuarantined(head, releaseAt(1))).toBe(false)
    for (const index of [6, 7]) head = quarantineImage(head, commitAt(index), digestAt(index))
    expect(head.quarantine.slice(4)).toEqual([...kept, commitAt(9)])
  })

  it('is as it was where what is lifted is not in it', () => {
    const { head } = begin({ quarantine: [digestAt(1)] })
    expect(entriesAgainst(head, releaseAt(2))).toEqual([])
    expect(entriesAgainst(head, releaseAt(1))).toEqual([digestAt(1)])
  })
})
