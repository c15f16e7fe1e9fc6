import { describe, expect, it } from 'vitest'
import { scanFleet, type ListedInstance } from '../../../src/rollout/fleet-scan.ts'
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

const listed = (index: number, changes: Partial<ListedInstance> = {}): ListedInstance => ({
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
  it('finds no app due while no instance has come and the hour is not over', () => {
    const { due, next } = scanFleet(apps, [listed(1)], known, after(3599))
    expect(due).toEqual([])
    expect(next).toStrictEqual(known)
  })

  it('finds only the app due that an instance has come to', () => {
    const present = [listed(1), listed(2)]
    const { due, next } = scanFleet(apps, present, known, after(60))
    expect(due).toEqual([
      { app: 'oc-lettings', scan: { at: after(60), returned: [instanceAt(2)] } },
    ])
    expect(next).toEqual({
      online: [instanceAt(1), instanceAt(2)],
      asked: { 'oc-lettings': after(60), shop: start },
    })
  })

  it('finds an instance by its id, and a machine without tags by any tag', () => {
    const present = [listed(3, { tags: null })]
    const { due } = scanFleet(apps, present, known, after(60))
    expect(due).toEqual([
      { app: 'oc-lettings', scan: { at: after(60), returned: [instanceAt(3)] } },
      { app: 'shop', scan: { at: after(60), returned: [instanceAt(3)] } },
    ])
  })

  it('finds no app due for an instance that no app selects', () => {
    const present = [listed(1), listed(2, { tags: { Name: 'other' } }), listed(4, { tags: {} })]
    const { due, next } = scanFleet([lettings], present, known, after(60))
    expect(due).toEqual([])
    expect(next.online).toEqual([1, 2, 4].map(instanceAt))
  })

  it('finds an app due for an instance of any of its targets', () => {
    const both = appOf('both', { targets: [...hosted.targets, select('one'), select('two')] })
    const asked = { online: [], asked: { both: start } }
    const come = (Name: string) =>
      scanFleet([both], [listed(2, { tags: { Name } })], asked, after(60)).due
    for (const name of ['one', 'two'])
      expect(come(name)).toEqual([
        { app: 'both', scan: { at: after(60), returned: [instanceAt(2)] } },
      ])
    expect(come('three')).toEqual([])
    expect(scanFleet([both], [], asked, after(3600)).due).toHaveLength(1)
  })

  it('forgets an instance that went offline, so that it counts as new when it is back', () => {
    const gone = scanFleet(apps, [listed(1, { isOnline: false })], known, after(60))
    expect(gone.due).toEqual([])
    const back = scanFleet(apps, [listed(1)], gone.next, after(120))
    expect(back.due).toEqual([
      { app: 'oc-lettings', scan: { at: after(120), returned: [instanceAt(1)] } },
    ])
  })

  it('finds each app with instances due once an hour, from the first scan on', () => {
    const hour = scanFleet(apps, [listed(1)], known, after(3600))
    expect(hour.due.map(({ app }) => app)).toEqual(['oc-lettings', 'shop'])
    const first = scanFleet(apps, [], { online: [], asked: {} }, start)
    expect(first.due).toEqual([
      { app: 'oc-lettings', scan: { at: start, returned: [] } },
      { app: 'shop', scan: { at: start, returned: [] } },
    ])
  })
})
