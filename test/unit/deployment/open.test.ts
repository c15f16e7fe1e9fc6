import { describe, expect, it } from 'vitest'
import { firstBlocker } from '../../../src/deployment/blockers.ts'
import { draftOf } from '../../../src/deployment/draft.ts'
import { open } from '../../../src/deployment/open.ts'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  instanceAt,
  lettings,
  live,
  openedBy,
  openingOf,
  start,
} from '../../support/deployments.ts'
import { appOf } from '../../support/apps.ts'
import { commitAt, digestAt, ec2, orderAt } from '../../support/rollout-world.ts'
import { renderTarget, keyAt } from '../../support/targets.ts'

const word = {
  kind: 'rollback',
  generation: Generation.parse(1),
  to: null,
  reason: 'rolled_back',
  by: 'ada',
  at: start,
  refusal: null,
} as const
const freeze = { reason: 'exams', by: 'ada', at: start }

describe('opening a deployment', () => {
  it('fixes release, deadline and instances in one write, and sends nothing yet', () => {
    const story = openedBy(begin(), openingOf(5, 2))
    expect(story.actions).toEqual([])
    expect(story.head).toMatchObject({ version: 1, generation: 1, mark: orderAt(5), releases: [] })
    expect(deploymentOf(story)).toMatchObject({
      generation: 1,
      status: 'queued',
      stage: 'rolling',
      openedAt: start,
      deadlineAt: after(900),
      release: { generation: 1, digest: digestAt(5), settings: lettings },
      instances: [
        { id: instanceAt(1), wave: 0, status: 'pending', touched: false },
        { id: instanceAt(2), wave: 1, status: 'pending', touched: false },
      ],
      intent: null,
    })
  })

  it('counts on from the deployment before', () => {
    expect(deploymentOf(openedBy(live(1, 1), openingOf(2, 1))).generation).toBe(2)
  })

  it('is refused while another one is open, also by force', () => {
    const { head } = openedBy(begin(), openingOf(1, 1))
    const again = open(draftOf(head), openingOf(2, 1, { force: true }), start)
    expect(again).toEqual({ ok: false, error: 'deployment_open' })
  })

  it('is refused while the app is frozen, but not by force', () => {
    const { head } = begin({ freeze })
    expect(open(draftOf(head), openingOf(1, 1), start)).toEqual({ ok: false, error: 'app_frozen' })
    expect(open(draftOf(head), openingOf(1, 1, { force: true }), start).ok).toBe(true)
    expect(firstBlocker(head, { kind: 'request', force: true, content: null })).toBeNull()
  })

  it('by force lifts the quarantine of what it opens, and of nothing else', () => {
    const quarantine = [digestAt(1), commitAt(2), digestAt(2)]
    const { head } = begin({ quarantine })
    expect(open(draftOf(head), openingOf(2, 1), start)).toEqual({ ok: false, error: 'quarantined' })
    const opened = open(draftOf(head), openingOf(2, 1, { force: true }), start)
    expect(opened).toMatchObject({ ok: true, value: { head: { quarantine: [digestAt(1)] } } })
  })

  it('is refused while something is to be taken back, also by force', () => {
    const { head } = begin({ takeBack: word })
    for (const force of [false, true])
      expect(open(draftOf(head), openingOf(1, 1, { force }), start)).toEqual({
        ok: false,
        error: 'going_back',
      })
  })

  it('of a rollback is refused while another deployment is open', () => {
    const { head } = openedBy(live(1, 1), openingOf(2, 1))
    const opening = openingOf(1, 1, { kind: 'rollback' })
    expect(open(draftOf(head), opening, start)).toEqual({ ok: false, error: 'deployment_open' })
  })

  it('takes nothing back and keeps the word of what came to nothing, where it is no rollback', () => {
    const takeBack = { ...word, refusal: 'nothing_to_roll_back_to' } as const
    const story = openedBy(begin({ takeBack }), openingOf(1, 1))
    expect(deploymentOf(story).takesBack).toBeNull()
    expect(story.head.takeBack).toEqual(takeBack)
  })

  it('says what was refused and leaves the head as it was', () => {
    const before = begin({ freeze })
    const story = openedBy(before, openingOf(1, 1))
    expect(story.head).toBe(before.head)
    expect(story.actions).toEqual([{ kind: 'refuse', reason: 'app_frozen' }])
  })

  it('never lowers the mark', () => {
    const redeploy = openedBy(live(5, 1), openingOf(2, 1, { kind: 'redeploy' }))
    expect(redeploy.head.mark).toEqual(orderAt(5))
    const unordered = openedBy(live(5, 1), openingOf(2, 1, { kind: 'redeploy', order: null }))
    expect(unordered.head.mark).toEqual(orderAt(5))
    expect(openedBy(begin(), openingOf(2, 1, { order: null })).head.mark).toBeNull()
  })

  it('ends at once where no instance is selected, and does not try that revision again', () => {
    const story = openedBy(begin(), openingOf(1, 0))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'no_instances',
      stage: 'ended',
      endedAt: start,
    })
    expect(story.head.mark).toEqual(orderAt(1))
    expect(story.actions).toEqual([])
  })

  it('ends at once where an instance cannot be reached, and names it', () => {
    const candidates = [
      { id: instanceAt(1), target: keyAt(0), obstacle: null },
      { id: instanceAt(2), target: keyAt(0), obstacle: 'agent_too_old' as const },
    ]
    expect(deploymentOf(openedBy(begin(), openingOf(1, 2, { candidates })))).toMatchObject({
      status: 'failed',
      reason: 'agent_too_old',
      message: instanceAt(2),
    })
  })

  it('ends at once where the secret is not there', () => {
    const story = openedBy(begin(), openingOf(1, 1, { obstacle: 'secret_missing' }))
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'secret_missing' })
  })

  it('ends at once where not even one instance fits into a command, and says how large it is', () => {
    const obstacle = 'envelope_too_large'
    const opening = openingOf(1, 1, { obstacle, message: '40960 bytes', capacities: [0] })
    expect(deploymentOf(openedBy(begin(), opening))).toMatchObject({
      status: 'failed',
      reason: 'envelope_too_large',
      message: '40960 bytes',
      sentAt: null,
    })
  })

  it('rolls in waves that fit into a command', () => {
    const all = { kind: 'percent' as const, value: 100 }
    const settings = appOf('oc-lettings', {
      targets: [ec2({ rollout: { batch: all, pauseSeconds: 0 } })],
    })
    const story = openedBy(begin(), openingOf(1, 5, { capacities: [2] }, settings))
    expect(deploymentOf(story).instances.map(({ wave }) => wave)).toEqual([0, 1, 1, 2, 2])
  })

  it('of a rollback goes on with those who can be reached, under the earlier generation', () => {
    const candidates = [
      { id: instanceAt(1), target: keyAt(0), obstacle: 'instance_offline' as const },
      { id: instanceAt(2), target: keyAt(0), obstacle: null },
    ]
    const opening = openingOf(1, 2, { kind: 'rollback', candidates })
    const release = { ...opening.release, generation: Generation.parse(1) }
    const story = openedBy(live(2, 1, live(1, 1)), { ...opening, release })
    expect(deploymentOf(story)).toMatchObject({
      generation: 3,
      status: 'queued',
      release: { generation: 1 },
      instances: [{ status: 'failed', reason: 'instance_offline' }, { status: 'pending' }],
    })
  })

  it('takes a request with it only where it is what was requested', () => {
    const request = { revision: null, force: false, by: 'ada', at: start, refusal: null }
    expect(openedBy(begin({ request }), openingOf(1, 1)).head.request).toEqual(request)
    const redeploy = openingOf(1, 1, { kind: 'redeploy' })
    expect(openedBy(begin({ request }), redeploy).head.request).toBeNull()
  })

  it('puts each target into waves of its own', () => {
    const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
    const candidates = [0, 0, 1, 1].map(keyAt).map((target, index) => ({
      id: instanceAt(index + 1),
      target,
      obstacle: null,
    }))
    const { instances } = deploymentOf(openedBy(begin(), openingOf(1, 4, { candidates }, settings)))
    expect(instances.map(({ target, wave }) => [target, wave])).toEqual([
      [keyAt(0), 0],
      [keyAt(0), 1],
      [keyAt(1), 0],
      [keyAt(1), 1],
    ])
  })

  it('goes to a hosted service in one wave', () => {
    const settings = { ...lettings, targets: [renderTarget()] }
    const { instances } = deploymentOf(openedBy(begin(), openingOf(1, 1, {}, settings)))
    expect(instances).toMatchObject([{ target: renderTarget().key, wave: 0, status: 'pending' }])
  })
})
