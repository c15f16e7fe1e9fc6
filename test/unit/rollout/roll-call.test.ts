import { describe, expect, it } from 'vitest'
import { callRoll, type Attendant } from '../../../src/rollout/roll-call.ts'
import { appOf } from '../../support/apps.ts'
import { after, instanceAt, start } from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'
import { renderTarget } from '../../support/targets.ts'

const select = (value: string) => ec2({ instances: { kind: 'tag', key: 'Name', value } })
const lettings = appOf('oc-lettings', { targets: [select('lettings')] })
const shop = appOf('shop', { targets: [ec2({ instances: { kind: 'ids', ids: [instanceAt(3)] } })] })
const hosted = appOf('hosted', {
  targets: [renderTarget()],
})
const apps = [lettings, shop, hosted]

const attendant = (index: number, changes: Partial<Attendant> = {}): Attendant => ({
  id: instanceAt(index),
  isOnline: true,
  tags: { Name: 'lettings' },
  ...changes,
})

const known = {
  online: [instanceAt(1)],
  asked: { 'oc-lettings': start, shop: start },
}

describe('the fleet scan', () => {
  it('names no app while no instance has come and the hour is not over', () => {
    const { summons, next } = callRoll(apps, [attendant(1)], known, after(3599))
    expect(summons).toEqual([])
    expect(next).toStrictEqual(known)
  })

  it('names the app that an instance has come to, and no other', () => {
    const present = [attendant(1), attendant(2)]
    const { summons, next } = callRoll(apps, present, known, after(60))
    expect(summons).toEqual([
      { app: 'oc-lettings', called: { at: after(60), returned: [instanceAt(2)] } },
    ])
    expect(next).toEqual({
      online: [instanceAt(1), instanceAt(2)],
      asked: { 'oc-lettings': after(60), shop: start },
    })
  })

  it('finds an instance by its id, and a machine without tags by any tag', () => {
    const present = [attendant(3, { tags: null })]
    const { summons } = callRoll(apps, present, known, after(60))
    expect(summons).toEqual([
      { app: 'oc-lettings', called: { at: after(60), returned: [instanceAt(3)] } },
      { app: 'shop', called: { at: after(60), returned: [instanceAt(3)] } },
    ])
  })

  it('names no app for an instance that no app selects', () => {
    const present = [
      attendant(1),
      attendant(2, { tags: { Name: 'other' } }),
      attendant(4, { tags: {} }),
    ]
    const { summons, next } = callRoll([lettings], present, known, after(60))
    expect(summons).toEqual([])
    expect(next.online).toEqual([1, 2, 4].map(instanceAt))
  })

  it('names an app for an instance of any of its targets', () => {
    const both = appOf('both', { targets: [...hosted.targets, select('one'), select('two')] })
    const asked = { online: [], asked: { both: start } }
    const come = (Name: string) =>
      callRoll([both], [attendant(2, { tags: { Name } })], asked, after(60)).summons
    for (const name of ['one', 'two'])
      expect(come(name)).toEqual([
        { app: 'both', called: { at: after(60), returned: [instanceAt(2)] } },
      ])
    expect(come('three')).toEqual([])
    expect(callRoll([both], [], asked, after(3600)).summons).toHaveLength(1)
  })

  it('forgets an instance that went offline, so that it counts as new when it is back', () => {
    const gone = callRoll(apps, [attendant(1, { isOnline: false })], known, after(60))
    expect(gone.summons).toEqual([])
    const back = callRoll(apps, [attendant(1)], gone.next, after(120))
    expect(back.summons).toEqual([
      { app: 'oc-lettings', called: { at: after(120), returned: [instanceAt(1)] } },
    ])
  })

  it('names each app that runs on instances once an hour, from the first scan on', () => {
    const hour = callRoll(apps, [attendant(1)], known, after(3600))
    expect(hour.summons.map(({ app }) => app)).toEqual(['oc-lettings', 'shop'])
    const first = callRoll(apps, [], { online: [], asked: {} }, start)
    expect(first.summons).toEqual([
      { app: 'oc-lettings', called: { at: start, returned: [] } },
      { app: 'shop', called: { at: start, returned: [] } },
    ])
  })
})
