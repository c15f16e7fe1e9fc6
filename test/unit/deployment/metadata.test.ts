import { describe, expect, it } from 'vitest'
import type { Ec2Settings } from '../../../src/deployment/app.ts'
import { settleMetadata } from '../../../src/deployment/metadata.ts'
import type { Opening } from '../../../src/deployment/observation.ts'
import { TargetKey } from '../../../src/kernel/id.ts'
import { appOf } from '../../support/apps.ts'
import { begin, bringLive, type Core } from '../../support/core.ts'
import {
  candidateAt,
  lettings,
  openingOf,
  secondTarget,
  twoFleets,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'
import { herokuTarget, renderTarget } from '../../support/targets.ts'

const unnamed = (changes: Partial<Ec2Settings> = {}) =>
  appOf('oc-lettings', { targets: [ec2({ metadata: null, ...changes })] })
/** As it is gathered: with settled settings. */
const gathered = (
  core: Core,
  index: number,
  settings = unnamed(),
  changes: Partial<Opening> = {},
) => {
  const opening = openingOf(index, 1, changes, settings)
  const { release } = opening
  const settled = settleMetadata(release.settings, core.live?.settings ?? null)
  return { ...opening, release: { ...release, settings: settled } }
}
const open = (core: Core, ...rest: [number, ReturnType<typeof unnamed>?, Partial<Opening>?]) =>
  core.open(gathered(core, ...rest))
const liveWith = (settings = unnamed()): Core => bringLive(begin(), gathered(begin(), 1, settings))
const frozen = ({ deployment }: Core) =>
  deployment?.release.settings.targets.map(({ metadata }) => metadata)

const toName =
  "the containers of target 1 may ask the metadata service for the instance's role: name metadata: block, or metadata: allow if the app needs it"

/** The live release names nothing, as one from before the setting existed. */
const liveFromBefore = (): Core => liveWith(unnamed({ replaces: 'lettings' }))

describe('metadata, where landfall.yml does not name it', () => {
  it('is block for an app that was never deployed, and the release keeps that', () => {
    const opened = open(begin(), 1)
    expect(frozen(opened)).toEqual(['block'])
    expect(opened.deployment?.message).toBeNull()
    expect(opened.poll().sent[0]?.settings.targets[0]?.metadata).toBe('block')
  })

  it('stays block in the deployments that follow, also after a first one that failed', () => {
    expect(frozen(open(liveWith(), 2))).toEqual(['block'])
    const failed = open(begin(), 1, unnamed(), { obstacle: 'secret_missing' })
    expect(frozen(open(failed.archive(), 2))).toEqual(['block'])
  })

  it('blocks nothing of an app that was live before, and the deployment tells what to name', () => {
    const opened = open(liveFromBefore(), 2)
    expect(frozen(opened)).toEqual([null])
    expect(opened.deployment?.message).toBe(toName)
  })

  it('blocks nothing of an app that takes over a container', () => {
    const opened = open(begin(), 1, unnamed({ replaces: 'lettings' }))
    expect(frozen(opened)).toEqual([null])
    expect(opened.deployment?.message).toBe(toName)
  })

  it('is told with the notice of the beginning', () => {
    const { notices } = open(liveFromBefore(), 2).dispatch()
    expect(notices.at(-1)).toMatchObject({ kind: 'started', message: toName })
  })

  it('is that of the same target, or of all targets for one that is new', () => {
    const live = liveWith(appOf('oc-lettings', { targets: twoFleets({ metadata: null }) }))
    const moved = unnamed({ key: secondTarget })
    expect(frozen(open(live, 2, moved))).toEqual(['block'])
    expect(frozen(open(liveFromBefore(), 2, moved))).toEqual([null])
  })

  it('is nothing for a new target beside one that is not blocked', () => {
    const [one, other] = twoFleets({ metadata: null })
    if (one === undefined || other === undefined) throw new Error('no fleets')
    const live = liveWith(appOf('oc-lettings', { targets: [one, { ...other, metadata: 'allow' }] }))
    expect(frozen(open(live, 2, unnamed({ key: TargetKey.parse('ec2:new') })))).toEqual([null])
  })

  it('no longer blocks where the live release says allow', () => {
    const allowed = liveWith(unnamed({ metadata: 'allow' }))
    expect(frozen(open(allowed, 2))).toEqual([null])
  })

  it('is nothing to name for a service', () => {
    const services = appOf('oc-lettings', { targets: [renderTarget(), herokuTarget()] })
    const { deployment } = begin().open(openingOf(1, 1, {}, services))
    expect(deployment?.message).toBeNull()
  })
})

describe('metadata, where landfall.yml names it', () => {
  it.each(['block', 'allow'] as const)('is %s, whatever held before', (metadata) => {
    for (const core of [begin(), liveWith(), liveFromBefore()]) {
      const opened = open(core, 2, unnamed({ metadata }))
      expect(frozen(opened)).toEqual([metadata])
      expect(opened.deployment?.message).toBeNull()
    }
  })
})

describe('a rollback', () => {
  it('brings back what held for the release', () => {
    const named = bringLive(liveFromBefore(), openingOf(2, 1, {}, unnamed({ metadata: 'block' })))
    const back = named.say({ kind: 'rollback', to: null }).openRollback(1)
    expect(frozen(back)).toEqual([null])
  })
})

describe('an instance whose containers can get its role', () => {
  const warned = (index: number) => candidateAt(index, { warning: 'its containers can' })

  it('is named by the deployment, which goes on', () => {
    const opening = openingOf(1, 0, { candidates: [candidateAt(1), warned(2)] }, lettings)
    const { deployment } = begin().open(opening)
    expect(deployment).toMatchObject({
      phase: 'advancing',
      message: 'i-00000002: its containers can',
    })
  })

  it('is one of several that are counted', () => {
    const candidates = [warned(1), warned(2), warned(3)]
    const { deployment } = begin().open(openingOf(1, 0, { candidates }, lettings))
    expect(deployment?.message).toBe('i-00000001: its containers can, and 2 more; plan names them')
  })

  it('changes nothing of the message of a deployment that fails at once', () => {
    const opening = {
      candidates: [warned(1)],
      obstacle: 'envelope_too_large',
      message: 'too long',
    } as const
    expect(begin().open(openingOf(1, 0, opening, lettings)).deployment?.message).toBe('too long')
  })
})
