import { toReleaseSettings } from '../../../src/deployment/app.ts'
import { describe, expect, it } from 'vitest'
import { headBytes, maxHeadBytes } from '../../../src/deployment/head-size.ts'
import { headLimits } from '../../../src/deployment/head.ts'
import type { Opening } from '../../../src/deployment/observation.ts'
import { decide } from '../../../src/deployment/transition.ts'
import { appOf } from '../../support/apps.ts'
import { begin, live, takeBack, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  secondTarget,
  start,
  twoFleets,
} from '../../support/deployments.ts'
import { commitAt, digestAt, ec2, orderAt } from '../../support/examples.ts'
import { idAt } from '../../support/largest-head.ts'
import { renderTarget } from '../../support/targets.ts'

const rollback = { kind: 'rollback', to: null } as const
const freeze = { kind: 'freeze', reason: 'exams' } as const

describe('a new app', () => {
  it('starts an app with nothing live, open, requested, frozen, quarantined or pending', () => {
    expect(begin()).toMatchObject({
      version: 0,
      generation: 0,
      deployment: null,
      repair: null,
      releases: [],
      request: null,
      rollback: null,
      freeze: null,
      quarantine: [],
      suspects: [],
      alarmsUntil: null,
      notices: [],
      operations: [],
      observed: [],
      mark: null,
      watcher: null,
    })
    expect(begin().stored.app).toBe('oc-lettings')
  })
})

describe('opening', () => {
  it('fixes release, deadline and instances of a deployment in one write and sends nothing', () => {
    const opened = begin().open(openingOf(5, 2))
    expect(opened.sent).toEqual([])
    expect(opened.cancelled).toEqual([])
    expect(opened).toMatchObject({ version: 1, generation: 1, mark: orderAt(5), releases: [] })
    expect(opened.command).toBeNull()
    expect(opened.deployment).toMatchObject({
      generation: 1,
      kind: 'deploy',
      status: 'queued',
      phase: 'advancing',
      openedAt: start,
      deadlineAt: after(900),
      release: { generation: 1, digest: digestAt(5), settings: toReleaseSettings(lettings) },
      instances: [
        { id: instanceAt(1), wave: 0, status: 'pending', touched: false },
        { id: instanceAt(2), wave: 1, status: 'pending', touched: false },
      ],
    })
  })

  it('gives a deployment the number after the one before', () => {
    expect(live(1, 1).open(openingOf(2, 1)).deployment?.generation).toBe(2)
  })

  it('refuses a second deployment while one is open, also by force', () => {
    const open = begin().open(openingOf(1, 1))
    expect(open.open(openingOf(2, 1, { force: true })).refused).toBe('deployment_open')
  })

  it('refuses a deployment while the app is frozen, but not by force', () => {
    const frozen = begin().say(freeze)
    expect(frozen.open(openingOf(1, 1)).refused).toBe('app_frozen')
    const forced = frozen.open(openingOf(1, 1, { force: true }))
    expect(forced.refused).toBeNull()
    expect(forced.deployment?.generation).toBe(1)
    expect(frozen.obstacle(true)).toBeNull()
  })

  it('refuses a quarantined release; force lifts its quarantine and no other', () => {
    const two = takeBack(takeBack(begin(), openingOf(1, 1)), openingOf(2, 1))
    expect(two.quarantine).toEqual([commitAt(2), digestAt(2), commitAt(1), digestAt(1)])
    expect(two.open(openingOf(2, 1)).refused).toBe('quarantined')
    const forced = two.open(openingOf(2, 1, { force: true }))
    expect(forced.refused).toBeNull()
    expect(forced.quarantine).toEqual([commitAt(1), digestAt(1)])
    expect(two.open(openingOf(3, 1, { force: true })).quarantine).toEqual(two.quarantine)
  })

  it('refuses a deployment while a rollback is pending, also by force', () => {
    const pending = live(1, 1, 2).say(rollback)
    for (const force of [false, true])
      expect(pending.open(openingOf(3, 1, { force })).refused).toBe('going_back')
  })

  it('refuses a rollback while another deployment is open', () => {
    const open = live(1, 1).open(openingOf(2, 1))
    expect(open.open(openingOf(1, 1, { kind: 'rollback' })).refused).toBe('deployment_open')
  })

  it('keeps a refused rollback request when a deployment that takes nothing back opens', () => {
    const alarm = { alarm: 'oc-lettings-5xx', at: start, from: 'OK' } as const
    const stuck = live(1, 1).alarm(alarm, 60)
    expect(stuck.rollback).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
    const opened = stuck.open(openingOf(2, 1))
    expect(opened.deployment?.takesBack).toBeNull()
    expect(opened.rollback).toEqual(stuck.rollback)
  })

  it('returns the reason of a refused opening and changes nothing', () => {
    const refused = begin().say(freeze).open(openingOf(1, 1))
    expect(refused.changed).toBe(false)
    expect(refused).toMatchObject({ refused: 'app_frozen', sent: [], cancelled: [] })
  })

  it('never lowers the mark', () => {
    const redeploy = live(1, 5).open(openingOf(2, 1, { kind: 'redeploy' }))
    expect(redeploy.mark).toEqual(orderAt(5))
    const unordered = live(1, 5).open(openingOf(2, 1, { kind: 'redeploy', order: null }))
    expect(unordered.mark).toEqual(orderAt(5))
    expect(begin().open(openingOf(2, 1, { order: null })).mark).toBeNull()
  })

  it('raises no mark where an operator deploys the live release once more', () => {
    const opening = openingOf(2, 1, { kind: 'redeploy', order: null })
    const decided = decide(live(1, 5).stored, { kind: 'opening_gathered', opening }, start)
    const kinds = decided.ok ? decided.value.map(({ kind }) => kind) : []
    expect(kinds).toEqual(['deployment_opened'])
  })

  it('takes up a request only where the deployment is what was requested', () => {
    const asked = begin().ask()
    expect(asked.open(openingOf(1, 1)).request).toEqual(asked.request)
    expect(asked.open(openingOf(1, 1, { kind: 'redeploy' })).request).toBeNull()
  })

  it('cuts waves so that each fits into a command', () => {
    const all = { kind: 'percent' as const, value: 100 }
    const settings = appOf('oc-lettings', {
      targets: [ec2({ rollout: { batch: all, pauseSeconds: 0 } })],
    })
    const opened = begin().open(openingOf(1, 5, { capacity: 2 }, settings))
    expect(opened.instances.map(({ wave }) => wave)).toEqual([0, 1, 1, 2, 2])
  })

  it('cuts the waves of each target on their own', () => {
    const settings = { ...lettings, targets: twoFleets() }
    const [one, two] = [firstTarget, secondTarget]
    const candidates = [one, one, two, two].map((target, index) =>
      candidateAt(index + 1, { target }),
    )
    const { instances } = begin().open(openingOf(1, 4, { candidates }, settings))
    expect(instances.map(({ target, wave }) => [target, wave])).toEqual([
      [one, 0],
      [one, 1],
      [two, 0],
      [two, 1],
    ])
  })

  it('puts a hosted service into one wave', () => {
    const settings = { ...lettings, targets: [renderTarget()] }
    const { instances } = begin().open(openingOf(1, 1, {}, settings))
    expect(instances).toMatchObject([{ target: renderTarget().key, wave: 0, status: 'pending' }])
  })

  it('opens a rollback to the reachable instances, under the earlier number of the release', () => {
    const candidates = [candidateAt(1, { obstacle: 'instance_offline' }), candidateAt(2)]
    const back = live(1, 1, 2).say(rollback).openRollback(2, { candidates })
    expect(back.deployment).toMatchObject({
      generation: 3,
      status: 'queued',
      release: { generation: 1 },
      instances: [{ status: 'failed', reason: 'instance_offline' }, { status: 'pending' }],
    })
  })
})

describe('an opening that fails at once', () => {
  it('fails an opening at once where no instance is selected, and does not retry that revision', () => {
    const failed = begin().open(openingOf(1, 0))
    expect(failed.deployment).toMatchObject({
      status: 'failed',
      reason: 'no_instances',
      phase: 'ended',
      endedAt: start,
    })
    expect(failed.mark).toEqual(orderAt(1))
    expect(failed).toMatchObject({ sent: [], cancelled: [], refused: null })
  })

  it('fails an opening at once where an instance cannot be reached, and names the instance', () => {
    const candidates = [candidateAt(1), candidateAt(2, { obstacle: 'agent_too_old' })]
    expect(begin().open(openingOf(1, 2, { candidates })).deployment).toMatchObject({
      status: 'failed',
      reason: 'agent_too_old',
      message: instanceAt(2),
    })
  })

  it('fails an opening at once where the secret is missing', () => {
    const failed = begin().open(openingOf(1, 1, { obstacle: 'secret_missing' }))
    expect(failed.deployment).toMatchObject({ status: 'failed', reason: 'secret_missing' })
  })

  it('fails an opening at once where not even one instance fits into a command, and says how large it is', () => {
    const obstacle = 'envelope_too_large'
    const opening = openingOf(1, 1, { obstacle, message: '40960 bytes', capacity: 0 })
    expect(begin().open(opening).deployment).toMatchObject({
      status: 'failed',
      reason: 'envelope_too_large',
      message: '40960 bytes',
      sentAt: null,
    })
  })
})

describe('an opening to more instances than the record of the app has room for', () => {
  const candidatesOf = (count: number) =>
    Array.from({ length: count }, (_, index) => candidateAt(0, { id: idAt(index) }))
  /** An env that leaves little room. */
  const settings = { ...lettings, env: { TEXT: 'x'.repeat(15_000) } }
  const openTo = (core: Core, count: number, changes: Partial<Opening> = {}): Core =>
    core.open(openingOf(9, 0, { candidates: candidatesOf(count), ...changes }, settings))
  /** As a rollback says how many it leaves out. */
  const roomIn = (core: Core) => openTo(core, 1000, { kind: 'rollback' }).instances.length

  it('fails at once, before anything is sent, with the numbers, and does not retry that revision', () => {
    const room = roomIn(begin())
    const failed = openTo(begin(), room + 1)
    expect(failed.deployment).toMatchObject({
      status: 'failed',
      reason: 'too_many_instances',
      message: `${room + 1} instances; the app's record has room for ${room}`,
      sentAt: null,
    })
    expect(failed.mark).toEqual(orderAt(9))
    expect(openTo(begin(), room).deployment).toMatchObject({ status: 'queued', message: null })
  })

  it('opens a rollback to those that there is room for, and says how many are left out', () => {
    const room = roomIn(begin())
    const said = `not on 5 of ${room + 5} instances: the app's record has no room for them; they follow`
    const back = openTo(begin(), room + 5, { kind: 'rollback' })
    expect(back.deployment).toMatchObject({ status: 'queued', message: said })
    expect(back.instances).toHaveLength(room)
    const renewed = openTo(begin(), room + 5, { kind: 'rollback', message: 'another secret' })
    expect(renewed.deployment?.message).toBe(`${said}; another secret`)
    const whole = openTo(begin(), room, { kind: 'rollback', message: 'another secret' })
    expect(whole.deployment?.message).toBe('another secret')
  })

  it('fails a rollback for which there is no room at all', () => {
    const full = { ...lettings, env: { TEXT: 'x'.repeat(20_000) } }
    const none = begin().open(openingOf(9, 2, { kind: 'rollback' }, full))
    expect(none.deployment).toMatchObject({
      status: 'failed',
      reason: 'too_many_instances',
      message: "2 instances; the app's record has room for 0",
    })
  })

  it('is refused and changes nothing where not even its failure and the notices of it fit', () => {
    const openWith = (bytes: number): Core =>
      begin().open(openingOf(9, 1, {}, { ...lettings, env: { TEXT: 'x'.repeat(bytes) } }))
    const bytesOf = ({ stored }: Core) =>
      headBytes({ ...stored, notices: [] }) + headLimits.noticesBytes
    const most = 100_000 + (maxHeadBytes - bytesOf(openWith(100_000)))
    const kept = openWith(most)
    expect(bytesOf(kept)).toBe(maxHeadBytes)
    expect(kept).toMatchObject({ refused: null, deployment: { reason: 'too_many_instances' } })
    const refused = openWith(most + 1)
    expect(refused).toMatchObject({ refused: 'too_many_instances', changed: false })
  })
})

describe('pauses between waves, at the opening', () => {
  const patient = (pauseSeconds: number) => ({
    ...lettings,
    targets: [ec2({ rollout: { batch: { kind: 'count', value: 2 }, pauseSeconds } })],
  })
  const opened = (instances: number, pauseSeconds: number): Core =>
    begin().open(openingOf(1, instances, {}, patient(pauseSeconds)))

  it('counts the pauses of each target by its own waves', () => {
    const one = ec2({ rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 200 } })
    const candidates = [1, 2, 3, 4].map((index) =>
      candidateAt(index, { target: index < 4 ? firstTarget : secondTarget }),
    )
    const settings = { ...lettings, targets: [one, { ...one, key: secondTarget }] }
    const { deployment } = begin().open(openingOf(1, 0, { candidates }, settings))
    expect(deployment).toMatchObject({ status: 'queued' })
  })

  it('does not limit the number of waves where pauses last 0 s', () => {
    expect(opened(30, 0).deployment).toMatchObject({ status: 'queued' })
  })

  it('fails an opening before anything is sent where its pauses outlast the rollout', () => {
    // Four waves: 1, 2, 2, 1; of 900 s the last 300 s are kept for the way back.
    expect(opened(6, 140).deployment).toMatchObject({
      status: 'failed',
      reason: 'pauses_too_long',
      sentAt: null,
      message:
        '3 pauses of rollout.pause may take 600 s (each up to a minute more than it says), and the rollout has 600 s of the deadline; a longer deadline, a shorter pause or a larger batch',
    })
    expect(opened(6, 139).deployment).toMatchObject({ status: 'queued' })
    expect(opened(5, 140).deployment).toMatchObject({ status: 'queued' })
  })

  it('opens a rollback whose pauses outlast the rollout', () => {
    const back = openingOf(1, 6, { kind: 'rollback' }, patient(140))
    expect(begin().open(back).deployment).toMatchObject({ status: 'queued' })
  })
})

describe('a request', () => {
  it('keeps a request with its refusal and sends nothing', () => {
    const asked = begin().ask()
    const request = { revision: null, promoted: null, force: false, by: 'ada', at: start }
    expect(asked.request).toEqual({ ...request, refusal: null })
    expect(asked).toMatchObject({ sent: [], cancelled: [], refused: null })
    expect(asked.decline('nothing_live').request).toEqual({ ...request, refusal: 'nothing_live' })
    expect(begin().decline('nothing_live').changed).toBe(false)
  })
})

describe('freeze and unfreeze', () => {
  it('keeps a freeze with author, reason and time, and refuses deployments until it is lifted', () => {
    const frozen = live(1, 1, 2, 3).at(60).say(freeze)
    expect(frozen.freeze).toEqual({ reason: 'exams', by: 'ada', at: after(60) })
    expect(frozen.open(openingOf(4, 1)).refused).toBe('app_frozen')
    const thawed = frozen.say({ kind: 'unfreeze' })
    expect(thawed.freeze).toBeNull()
    expect(thawed.say({ kind: 'unfreeze' }).refused).toBe('not_frozen')
  })
})

describe('an operation', () => {
  it('carries out an operation once, however often its request id comes', () => {
    const once = live(1, 1, 2, 3).say(rollback, 'ada', 'ticket-1')
    expect(once.say(rollback, 'ada', 'ticket-1').changed).toBe(false)
    expect(once.say(freeze, 'ada', 'ticket-1').changed).toBe(false)
    expect(once.say(freeze, 'ada', 'ticket-1').refused).toBeNull()
    const asked = live(1, 1).ask({ by: 'bob' }, 'ticket-9')
    expect(asked.at(5).ask({ by: 'bob' }, 'ticket-9').changed).toBe(false)
    expect(asked.operations).toEqual([{ id: 'ticket-9', kind: 'redeploy', by: 'bob', at: start }])
  })

  it('remembers the last ten operations with author and time', () => {
    let core = live(1, 1, 2, 3)
    for (let count = 1; count <= 12; count += 1)
      core = core.at(count).say(freeze, 'ada', `ticket-${count}`)
    expect(core.operations).toHaveLength(10)
    expect(core.operations[0]).toEqual({
      id: 'ticket-12',
      kind: 'freeze',
      by: 'ada',
      at: after(12),
    })
  })
})

describe('the version', () => {
  it('raises the version by one with each input that changes something, and with no other', () => {
    const opened = begin().open(openingOf(1, 1))
    expect(opened.version).toBe(1)
    const polled = opened.poll()
    expect(polled.version).toBe(2)
    expect(polled.poll()).toMatchObject({ version: 2, changed: false, sent: [], cancelled: [] })
  })
})

describe('an ended deployment', () => {
  const ended = () => begin().open(openingOf(1, 0))

  it('drops an ended deployment once it is archived', () => {
    const gone = ended().archive()
    expect(gone).toMatchObject({ isIdle: true, generation: 1 })
    expect(gone.history).toEqual([ended().deployment])
  })

  it('keeps a deployment that is open, or not the archived one', () => {
    const { generation } = begin().open(openingOf(1, 1))
    const archived = { kind: 'archived', generation, windowSeconds: null } as const
    expect(begin().open(openingOf(1, 1)).see(archived).changed).toBe(false)
    const other = live(1, 1).open(openingOf(2, 0))
    expect(other.see(archived).changed).toBe(false)
    expect(begin().see(archived).changed).toBe(false)
  })

  it('never changes an ended deployment, whatever is still observed', () => {
    const { version: fence } = ended()
    const observations = [
      { kind: 'polled', prepared: [], by: 'ada' },
      { kind: 'sent', fence, operation: 'command-9', missing: [] },
      { kind: 'answered', fence, answers: [] },
      { kind: 'opening_gathered', opening: openingOf(2, 1) },
    ] as const
    for (const observation of observations)
      expect(ended().at(2000).see(observation).changed).toBe(false)
  })
})
