import { describe, expect, it } from 'vitest'
import { Generation } from '../../src/kernel/id.ts'
import { createJournalWorld } from '../support/journal-world.ts'
import { useJournal } from '../support/journal-table.ts'
import { commitAt, digestAt } from '../support/examples.ts'
import { letItSettle } from '../support/runs.ts'

const journal = await useJournal()

const open = async (instances = 1) => {
  const stage = createJournalWorld(journal.table, { instances })
  await stage.write([])
  const { world } = stage
  const settle = () => letItSettle(world, 1)
  const deploy = async (index: number): Promise<void> => {
    await stage.push(index)
    await settle()
  }
  const serving = () => world.hosts.map((host) => host.serving)
  const acts = () => world.hosts.map((host) => host.acts.length)
  const fencesSeen = () => Math.max(...world.hosts.map((host) => host.fenceSeen))
  const refusals = async (generation: number) =>
    (await stage.history.loadSteps(world.app.name, Generation.parse(generation))).filter(
      ({ reason }) => reason === 'superseded_fence',
    )
  return { ...stage, settle, deploy, serving, acts, fencesSeen, refusals }
}

const live = (generation: number, index: number) => ({ generation, digest: digestAt(index) })

describe('a journal that was restored to an earlier day', () => {
  it('raises the version of a restored head above the fences of the hosts, and deploys under a new number', async () => {
    const stage = await open()
    await stage.deploy(1)
    const day = await stage.read()
    await stage.deploy(2)
    await stage.deploy(3)
    expect(stage.serving()).toEqual([live(3, 3)])
    const seen = stage.fencesSeen()
    await stage.write(day)
    expect((await stage.loadHead()).version).toBeLessThan(seen)

    await stage.deploy(4)
    const head = await stage.loadHead()
    expect(await stage.refusals(2)).toMatchObject([{ outcome: 'refused' }])
    expect(head).toMatchObject({ deployment: null, generation: 4 })
    expect(head.version).toBeGreaterThan(seen)
    expect(head.releases.map(({ generation }) => Number(generation))).toEqual([4, 1])
    expect(stage.serving()).toEqual([live(4, 4)])
    const told = await stage.history.loadDeployments(head.app, 10)
    expect(told).toMatchObject([
      { generation: 4, status: 'succeeded', release: { generation: 4, revision: commitAt(4) } },
      { generation: 1, status: 'succeeded' },
    ])
  })

  it('accepts no answer to an order from before the restore, although fence and number are the same', async () => {
    const stage = await open()
    await stage.deploy(1)
    const day = await stage.read()
    await stage.deploy(2)
    const before = stage.world.sends.at(-1)
    await stage.write(day)
    await stage.deploy(3)
    const again = stage.world.sends.find(
      ({ order }) => order.release?.revision === commitAt(3) && order.purpose === 'deploy',
    )
    expect(again).toMatchObject({ fence: before?.fence, order: { generation: 2 } })
    expect(stage.serving()).toEqual([live(3, 3)])
    expect(await stage.loadHead()).toMatchObject({ deployment: null, generation: 3 })
  })

  it('deploys new settings to an instance that has the same image under the same number', async () => {
    const stage = await open()
    await stage.deploy(1)
    const day = await stage.read()
    await stage.redeploy({ id: 'one' })
    await stage.settle()
    expect(stage.serving()).toEqual([live(2, 1)])
    const acts = stage.acts()
    await stage.write(day)
    await stage.redeploy({ id: 'two' })
    await stage.settle()
    expect(stage.acts()).toEqual(acts.map((count) => count + 1))
    expect(stage.serving()).toEqual([live(3, 1)])
  })

  it('gives a deployment after a restore one number, also on new instances', async () => {
    const stage = await open(2)
    const [fresh] = stage.world.hosts
    await stage.deploy(1)
    const day = await stage.read()
    await stage.deploy(2)
    // The first of the wave is a machine made anew: it has seen no fence and serves nothing.
    Object.assign(fresh ?? {}, { fenceSeen: 0, serving: null, numberedAt: null, recorded: null })
    await stage.write(day)
    await stage.deploy(3)
    expect(stage.serving()).toEqual([live(3, 3), live(3, 3)])
    expect(await stage.loadHead()).toMatchObject({ deployment: null, generation: 3 })
  })

  it('repairs instances to the restored live release where nothing else is deployed', async () => {
    const stage = await open()
    await stage.deploy(1)
    const day = await stage.read()
    await stage.deploy(2)
    await stage.write(day)
    // Within the hour everybody is asked what they serve.
    stage.world.advance(3_600_000)
    await letItSettle(stage.world, 2)
    expect(stage.serving()).toEqual([live(1, 1)])
    await stage.deploy(3)
    expect(stage.serving()).toEqual([live(2, 3)])
  })

  it('ends the deployment that was open in the restored journal', async () => {
    const stage = await open()
    await stage.deploy(1)
    stage.world.setSsm(false)
    await stage.push(2)
    await letItSettle(stage.world, 1)
    const day = await stage.read()
    stage.world.setSsm(true)
    await stage.settle()
    await stage.deploy(3)
    await stage.write(day)
    expect((await stage.loadHead()).deployment).toMatchObject({ generation: 2, phase: 'advancing' })
    await letItSettle(stage.world, 3)
    expect(await stage.loadHead()).toMatchObject({ deployment: null })
    const { generation, revision } = (await stage.loadHead()).releases[0] ?? {}
    expect(stage.serving()).toEqual([live(4, 2)])
    expect({ generation, revision }).toEqual({ generation: 4, revision: commitAt(2) })
  })
})
