import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Purpose } from '../../../src/deployment/head.ts'
import { InstanceId } from '../../../src/kernel/id.ts'
import { toOrder } from '../../../src/rollout/order.ts'
import {
  after,
  begin,
  deploymentOf,
  hear,
  instanceAt,
  intentOf,
  lettings,
  live,
  look,
  openedBy,
  openingOf,
  send,
  start,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { renderTarget, keyAt } from '../../support/targets.ts'

const orderOf = (story: Story, purpose: Purpose = 'deploy') =>
  toOrder(story.head, deploymentOf(story), { ...intentOf(story), purpose })

const second = () => look(openedBy(live(1, 2), openingOf(2, 2)), start)

describe('the order that an intent stands for', () => {
  it('of a deploy names the new release, its settings and its limits', () => {
    const story = second()
    expect(orderOf(story)).toEqual({
      purpose: 'deploy',
      app: 'oc-lettings',
      kind: 'deploy',
      generation: 2,
      fence: story.head.version,
      openedAt: start,
      numberedAt: start,
      since: start,
      release: deploymentOf(story).release,
      settings: lettings,
      target: keyAt(0),
      instances: [instanceAt(1)],
      predeployOn: instanceAt(1),
      notAfter: after(600),
      hostSeconds: 525,
    })
  })

  it('of a convergence gives out no number', () => {
    const deployment = { ...deploymentOf(second()), kind: 'converge' as const }
    const story = { ...second(), head: { ...second().head, deployment } }
    expect(orderOf(story)).toMatchObject({ generation: 2, numberedAt: null })
  })

  it('of a restore names the live release and the settings it runs with', () => {
    const story = second()
    expect(orderOf(story, 'restore')).toMatchObject({
      generation: 2,
      numberedAt: null,
      release: { generation: 1 },
      predeployOn: null,
    })
  })

  it('of a restore where nothing of ours was live names no release', () => {
    const order = orderOf(look(openedBy(begin(), openingOf(1, 1)), start), 'restore')
    expect(order.release).toBeNull()
    expect(order.settings).toBe(lettings)
  })

  it('of a restore to a kind of target that was not live names no release', () => {
    const render = renderTarget()
    const settings: App = { ...lettings, targets: [render] }
    const story = live(1, 1)
    const releases = story.head.releases.map((release) => ({ ...release, settings }))
    const opened = openedBy({ ...story, head: { ...story.head, releases } }, openingOf(2, 1))
    expect(orderOf(look(opened, start), 'restore').release).toBeNull()
  })

  it('keeps the time of the first order where the command is repeated', () => {
    const again = look(second(), after(60))
    expect(intentOf(again)).toMatchObject({ at: after(60), repeated: true })
    expect(orderOf(again)).toMatchObject({ openedAt: start, since: start })
  })

  it('of a restore to another service of Render names no release', () => {
    const toRender = (service: string): App => ({
      ...lettings,
      targets: [renderTarget({ service })],
    })
    const at = (from: string, to: string) => {
      const story = live(1, 1)
      const releases = story.head.releases.map((release) => ({
        ...release,
        settings: toRender(from),
      }))
      const head = { ...story.head, releases }
      const opened = openedBy({ ...story, head }, openingOf(2, 1, {}, toRender(to)))
      return orderOf(look(opened, start), 'restore')
    }
    expect(at('srv-1', 'srv-1').release).toMatchObject({ generation: 1 })
    expect(at('srv-1', 'srv-2').release).toBeNull()
    expect(at('srv-1', 'srv-2').settings).toEqual(toRender('srv-2'))
  })

  it('has predeploy run by the first instance of EC2, whatever target stands before it', () => {
    const render = renderTarget()
    const settings: App = { ...lettings, targets: [render, ...lettings.targets] }
    const service = InstanceId.parse('srv-1')
    const candidates = [
      { id: service, target: render.key, obstacle: null },
      { id: instanceAt(1), target: keyAt(0), obstacle: null },
    ]
    const prepared = [service, instanceAt(1)]
    const opened = openedBy(begin(), openingOf(1, 1, { candidates }, settings))
    const atRender = send(look(opened, start, prepared), start)
    expect(orderOf(atRender).predeployOn).toBeNull()
    const answered = hear(atRender, start, { ...succeededAt(1, 1), id: service })
    const atEc2 = look(answered, start, prepared)
    expect(intentOf(atEc2).instances).toEqual([instanceAt(1)])
    expect(orderOf(atEc2).predeployOn).toBe(instanceAt(1))
  })

  it('has predeploy run by the first instance in its own wave alone', () => {
    const first = hear(send(second(), start), start, succeededAt(1, 2))
    const wave = look(first, start)
    expect(intentOf(wave).instances).toEqual([instanceAt(2)])
    expect(orderOf(wave).predeployOn).toBeNull()
  })

  it('has predeploy run by nobody on the way back, nor by prepare', () => {
    const back = look(openedBy(live(1, 1), openingOf(1, 1, { kind: 'rollback' })), start)
    expect(orderOf(back).predeployOn).toBeNull()
    expect(orderOf(second(), 'prepare').predeployOn).toBeNull()
  })
})
