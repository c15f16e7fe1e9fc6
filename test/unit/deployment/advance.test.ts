import { describe, expect, it } from 'vitest'
import type { Opening } from '../../../src/deployment/open.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import { InstanceId } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  failedAt,
  hear,
  instanceAt,
  intentOf,
  lettings,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  servingOf,
  start,
  statusesOf,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { ec2 } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const opened = (instances: number) => openedBy(begin(), openingOf(1, instances))
const touchedOf = (story: Story) => deploymentOf(story).instances.map(({ touched }) => touched)

/** The first of two instances is in both targets of the app. */
const inBoth = () => {
  const candidates = [
    { id: instanceAt(1), target: keyAt(0), obstacle: null },
    { id: instanceAt(2), target: keyAt(0), obstacle: null },
    { id: instanceAt(1), target: keyAt(1), obstacle: null },
  ]
  const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
  return openedBy(begin(), openingOf(1, 3, { candidates }, settings))
}

describe('the next move of a deployment', () => {
  it('prepares an instance whose certificate is not there, touching nothing', () => {
    const story = look(opened(2), start, [instanceAt(2)])
    expect(intentOf(story)).toEqual({
      purpose: 'prepare',
      target: keyAt(0),
      instances: [instanceAt(1)],
      fence: 2,
      since: start,
      at: start,
      repeated: false,
      operation: null,
      deadlineAt: after(90),
      hostSeconds: 60,
    })
    expect(deploymentOf(story)).toMatchObject({
      status: 'in_progress',
      sentAt: null,
      instances: [{ touched: false }, { touched: false }],
    })
    expect(story.actions).toEqual([
      { kind: 'send', deployment: deploymentOf(story), intent: intentOf(story) },
    ])
  })

  it('deploys to the first instance alone, under the version of that write', () => {
    const story = look(opened(3), start)
    expect(intentOf(story)).toMatchObject({
      purpose: 'deploy',
      instances: [instanceAt(1)],
      fence: story.head.version,
      deadlineAt: after(600),
    })
    expect(deploymentOf(story).sentAt).toBe(start)
    expect(touchedOf(story)).toEqual([true, false, false])
  })

  it('prepares those of a wave who are not prepared, and then deploys to all of it', () => {
    const inTwos = ec2({ rollout: { batch: { kind: 'count', value: 2 }, pauseSeconds: 0 } })
    const opening = openingOf(1, 3, {}, { ...lettings, targets: [inTwos] })
    const first = send(look(openedBy(begin(), opening), start), start)
    const heard = hear(first, start, succeededAt(1, 1))
    const story = look(heard, start, [instanceAt(1), instanceAt(3)])
    expect(intentOf(story)).toMatchObject({ purpose: 'prepare', instances: [instanceAt(2)] })
    const prepared = look(hear(send(story, start), start, succeededAt(2, 1)), start)
    expect(intentOf(prepared)).toMatchObject({
      purpose: 'deploy',
      instances: [instanceAt(2), instanceAt(3)],
    })
  })

  it('cancels a command that is out when its release is taken back, whoever answered before', () => {
    const inTwos = ec2({ rollout: { batch: { kind: 'count', value: 2 }, pauseSeconds: 0 } })
    const opening = openingOf(1, 3, {}, { ...lettings, targets: [inTwos] })
    const first = send(look(openedBy(begin(), opening), start), start)
    const second = send(look(hear(first, start, succeededAt(1, 1)), start), start, [], 'command-2')
    const word = { kind: 'cancel', generation: deploymentOf(second).generation } as const
    const takeBack = { ...word, to: null, reason: 'cancelled', by: 'ada', at: start } as const
    const head = { ...second.head, takeBack: { ...takeBack, refusal: null } }
    expect(look({ ...second, head }, start).actions).toEqual([
      { kind: 'cancel', target: keyAt(0), operation: 'command-2' },
    ])
  })

  it('cancels no question that an instance has answered', () => {
    const asked = { ...deploymentOf(opened(1)), kind: 'converge' as const }
    const instances = asked.instances.map((one) => ({ ...one, status: 'unseen' as const }))
    const { head } = live(1, 1)
    const deployment = { ...asked, release: { ...asked.release, ...head.releases[0] }, instances }
    const question = send(look({ head: { ...head, deployment }, actions: [] }, start), start)
    const other = answerOf(instanceAt(1), 'succeeded', null, { serving: servingOf(7, 7) })
    const heard = hear(question, start, other)
    expect(deploymentOf(heard).instances).toMatchObject([{ status: 'pending' }])
    expect(heard.actions).toEqual([])
  })

  it('cancels no `prepare` that everybody has answered', () => {
    const asked = send(look(opened(1), start, []), start)
    expect(hear(asked, start, succeededAt(1, 1)).actions).toEqual([])
  })

  it('names the one who looks again for 25 s', () => {
    expect(look(opened(1), start).head.watch).toEqual({ by: 'ada', until: after(25) })
  })

  it('goes on with the next wave once the first has succeeded', () => {
    const first = hear(send(look(opened(2), start), start), start, succeededAt(1, 1))
    const story = look(first, after(5))
    expect(intentOf(story)).toMatchObject({ instances: [instanceAt(2)], at: after(5) })
    expect(intentOf(story).fence).toBeGreaterThan(2)
  })

  it('goes through the targets in the order written', () => {
    const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
    const candidates = [1, 0].map((index) => ({
      id: instanceAt(index + 1),
      target: keyAt(index),
      obstacle: null,
    }))
    const story = openedBy(begin(), openingOf(1, 2, { candidates }, settings))
    expect(intentOf(look(story, start))).toMatchObject({
      target: keyAt(0),
      instances: [instanceAt(1)],
    })
  })

  it('finishes one target before it begins the next', () => {
    const first = hear(send(look(inBoth(), start), start), start, succeededAt(1, 1))
    expect(intentOf(look(first, start))).toMatchObject({
      target: keyAt(0),
      instances: [instanceAt(2)],
    })
  })

  it('takes an instance in one target for itself, whatever it is in another', () => {
    const story = look(inBoth(), start)
    expect(touchedOf(story)).toEqual([true, false, false])
    const first = hear(send(story, start), start, succeededAt(1, 1))
    expect(statusesOf(first)).toEqual(['succeeded', 'pending', 'pending'])
  })

  it('ends when every instance runs the release, which is live then', () => {
    const story = look(live1(), after(9))
    expect(deploymentOf(story)).toMatchObject({
      status: 'succeeded',
      reason: 'deployed',
      stage: 'ended',
      endedAt: after(9),
      intent: null,
    })
    expect(story.head.releases).toEqual([deploymentOf(story).release])
    expect(story.head.watch).toBeNull()
  })

  it('is none while a command is out and in its time', () => {
    const story = send(look(opened(1), start), start)
    expect(look(story, after(599)).head).toBe(story.head)
  })

  it('is none without a deployment, and none after its end', () => {
    const none = begin()
    expect(look(none, start).head).toBe(none.head)
    const ended = openedBy(begin(), openingOf(1, 0))
    expect(look(ended, after(5)).head).toBe(ended.head)
  })

  it('gives up when too little time is left to begin the rollout', () => {
    const story = look(opened(1), after(579))
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'deadline_passed' })
  })
})

const live1 = () => hear(send(look(opened(1), start), start), start, succeededAt(1, 1))

describe('an intent that nobody sent', () => {
  it("is its writer's for 20 s", () => {
    const story = look(opened(1), start)
    expect(look(story, after(19.999)).head).toBe(story.head)
  })

  it('goes out again after that, under the same fence and within what is left of its time', () => {
    const story = look(opened(1), start)
    const again = look(story, after(60))
    expect(intentOf(again)).toEqual({
      ...intentOf(story),
      at: after(60),
      repeated: true,
      hostSeconds: 465,
    })
    expect(again.actions).toMatchObject([{ kind: 'send', intent: { fence: 2 } }])
    expect(again.head.watch).toEqual({ by: 'ada', until: after(85) })
  })

  it('does not go out again where the host could not be done in time', () => {
    const story = look(opened(1), start)
    expect(look(story, after(590)).head).toBe(story.head)
  })

  it('is begun anew where it was to prepare, also past its time', () => {
    const story = look(opened(1), start, [])
    for (const seconds of [21, 100]) {
      const again = look(story, after(seconds), [])
      expect(intentOf(again)).toMatchObject({
        purpose: 'prepare',
        fence: again.head.version,
        at: after(seconds),
        deadlineAt: after(seconds + 90),
        repeated: false,
      })
    }
  })
})

describe('a command whose time is over', () => {
  it('counts as lost, is cancelled, and what it may have changed is brought back', () => {
    const story = look(send(look(opened(1), start), start), after(600))
    expect(deploymentOf(story)).toMatchObject({
      stage: 'restoring',
      status: 'in_progress',
      reason: 'no_answer',
      intent: null,
      instances: [{ status: 'lost', reason: 'no_answer', touched: true }],
    })
    expect(story.actions).toEqual([{ kind: 'cancel', target: keyAt(0), operation: 'command-1' }])
  })

  it('ends the deployment where it was to prepare: nothing was changed', () => {
    const story = look(send(look(opened(1), start, []), start), after(90))
    expect(deploymentOf(story)).toMatchObject({
      stage: 'ended',
      reason: 'no_answer',
      instances: [{ status: 'failed', touched: false }],
    })
  })
})

describe('a rollback', () => {
  const opening = openingOf(1, 2, { kind: 'rollback' })

  it('that runs out of time leaves those back who are: the live release is what it left', () => {
    const message = 'the recorded version of the secret shop is gone'
    const story = openedBy(live(2, 2), { ...opening, message })
    const half = hear(send(look(story, start), start), start, succeededAt(1, 1))
    const over = look(half, after(600))
    expect(deploymentOf(over)).toMatchObject({
      stage: 'ended',
      status: 'failed',
      reason: 'deadline_passed',
      message,
    })
    expect(statusesOf(over)).toEqual(['succeeded', 'pending'])
  })

  it('goes on past a failure, so that whoever can be reached goes back', () => {
    const story = openedBy(live(2, 2), opening)
    const failed = hear(send(look(story, start), start), start, failedAt(1))
    expect(deploymentOf(failed)).toMatchObject({ stage: 'rolling', intent: null })
    const next = look(failed, start)
    expect(intentOf(next).instances).toEqual([instanceAt(2)])
    const done = look(hear(send(next, start), start, succeededAt(2, 1)), start)
    expect(deploymentOf(done)).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(1)}: it answers 500`,
    })
  })

  /** Sends to the next one, who answers. */
  const next = (story: Story, answer: Answer) =>
    hear(send(look(story, start), start), start, answer)
  /** Sends to the next one, who cannot be reached. */
  const miss = (story: Story, index: number) =>
    send(
      look(story, start),
      start,
      [answerOf(instanceAt(index), 'failed', 'instance_offline')],
      null,
    )
  const back = (instances: number, changes: Partial<Opening> = {}) =>
    openedBy(live(2, instances), openingOf(1, instances, { kind: 'rollback', ...changes }))

  it('has succeeded where all who can be reached are back, and names the others', () => {
    const story = look(miss(miss(next(back(3), succeededAt(1, 1)), 2), 3), start)
    expect(deploymentOf(story)).toMatchObject({
      status: 'succeeded',
      reason: 'deployed',
      message: `not on ${instanceAt(2)}, ${instanceAt(3)}`,
    })
  })

  it('has failed where nobody can be reached', () => {
    const story = look(miss(miss(back(2), 1), 2), start)
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'instance_offline' })
  })

  it('has failed where somebody refused it', () => {
    const refused = answerOf(instanceAt(2), 'refused', 'owned_by_other')
    const story = look(next(next(back(2), succeededAt(1, 1)), refused), start)
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'owned_by_other' })
  })

  it('has failed where somebody who is gone may have been reached by the first of two senders', () => {
    const first = look(next(back(2), succeededAt(1, 1)), start)
    const offline = answerOf(instanceAt(2), 'failed', 'instance_offline')
    const story = look(send(look(first, after(20)), after(20), [offline], null), after(20))
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'instance_offline' })
  })

  it('says of each whom it failed on, behind what was said of it from the beginning', () => {
    const message = 'the recorded version of the secret shop is gone'
    const failed = next(back(2, { message }), failedAt(1, { reason: null, message: null }))
    const story = look(next(failed, failedAt(2)), start)
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
      message: `${message}; ${instanceAt(1)}; ${instanceAt(2)}: it answers 500`,
    })
  })
})

describe('a convergence', () => {
  /** Release 1 is live on one instance; two others have come. */
  const found = () => {
    const candidates = [2, 3].map((index) => ({
      id: instanceAt(index),
      target: keyAt(0),
      obstacle: null,
    }))
    const observation = { kind: 'found', candidates, capacities: [2], called: null } as const
    return see(live(1, 1), observation, start)
  }

  it('asks what an instance serves, also where its certificate is fresh', () => {
    const story = look(found(), start)
    expect(intentOf(story)).toMatchObject({ purpose: 'prepare', instances: [instanceAt(2)] })
  })

  it('gives way at once to a rollback that somebody asks for', () => {
    const { head } = live(2, 1, live(1, 1))
    const candidates = [{ id: instanceAt(2), target: keyAt(0), obstacle: null }]
    const observation = { kind: 'found', candidates, capacities: [2], called: null } as const
    const asked = look(see({ head, actions: [] }, observation, start), start)
    const told = hear(send(asked, start), start, answerOf(instanceAt(2), 'succeeded', null))
    const out = send(look(told, start), start)
    expect(intentOf(out).purpose).toBe('deploy')
    const word = { kind: 'rollback', to: null } as const
    const said = see(out, { kind: 'operated', word, by: 'ada', id: 'r1' }, after(5))
    expect(deploymentOf(look(said, after(5)))).toMatchObject({
      kind: 'converge',
      stage: 'ended',
      status: 'cancelled',
      reason: 'superseded',
    })
  })

  it('is no success where somebody could not be reached', () => {
    const asked = hear(send(look(found(), start), start), start, succeededAt(2, 1))
    const offline = answerOf(instanceAt(3), 'failed', 'instance_offline')
    const story = look(send(look(asked, start), start, [offline], null), start)
    expect(statusesOf(story)).toEqual(['succeeded', 'failed'])
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'instance_offline' })
  })
})

/** Two instances on release 1; of release 2 the first comes up and the second does not. */
const failing = () => {
  const story = openedBy(live(1, 2), openingOf(2, 2))
  const first = hear(send(look(story, start), start), start, succeededAt(1, 2))
  return hear(send(look(first, start), start), start, failedAt(2, { serving: servingOf(1, 1) }))
}

describe('a rollout that failed', () => {
  it('stops at the first failure and turns to bringing the finished ones back', () => {
    const story = failing()
    expect(deploymentOf(story)).toMatchObject({
      stage: 'restoring',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500`,
    })
    expect(intentOf(look(story, after(10)))).toMatchObject({
      purpose: 'restore',
      instances: [instanceAt(1)],
      deadlineAt: after(900),
    })
  })

  it('ends failed when they are back, and the live release is the one before', () => {
    const restoring = send(look(failing(), after(10)), after(10))
    const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })
    const story = look(hear(restoring, after(12), back), after(12))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500`,
    })
    expect(statusesOf(story)).toEqual(['restored', 'failed'])
    expect(story.head.releases.map(({ generation }) => generation)).toEqual([1])
  })

  it('brings at most as many back with one command as it takes', () => {
    const ids = Array.from({ length: 120 }, (_, index) =>
      InstanceId.parse(`i-${String(index).padStart(8, '0')}`),
    )
    const story = failing()
    const { deployment } = story.head
    const [one] = deployment?.instances ?? []
    if (deployment === null || one === undefined) throw new Error('nothing is open')
    const instances = ids.map((id) => ({ ...one, id }))
    const many = { ...story, head: { ...story.head, deployment: { ...deployment, instances } } }
    expect(intentOf(look(many, after(10))).instances).toEqual(ids.slice(0, 50))
  })

  it('brings those of one target back with one command, and those of the next with another', () => {
    const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
    const candidates = [0, 1, 1].map(keyAt).map((target, index) => ({
      id: instanceAt(index + 1),
      target,
      obstacle: null,
    }))
    const opening = openingOf(2, 3, { candidates }, settings)
    const first = send(look(openedBy(live(1, 3), opening), start), start)
    const second = send(look(hear(first, start, succeededAt(1, 2)), start), start)
    const failed = hear(second, start, failedAt(2))
    const one = look(failed, after(10))
    expect(intentOf(one)).toMatchObject({
      purpose: 'restore',
      target: keyAt(0),
      instances: [instanceAt(1)],
    })
    const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })
    const two = look(hear(send(one, after(10)), after(12), back), after(12))
    expect(intentOf(two)).toMatchObject({
      purpose: 'restore',
      target: keyAt(1),
      instances: [instanceAt(2)],
    })
  })

  it('names who could not be brought back in time', () => {
    const restoring = send(look(failing(), after(10)), after(10))
    const lost = look(restoring, after(900))
    expect(statusesOf(lost)).toEqual(['unknown', 'failed'])
    expect(deploymentOf(look(lost, after(901))).message).toBe(
      `${instanceAt(2)}: it answers 500; not brought back: ${instanceAt(1)}`,
    )
    expect(lost.actions).toEqual([{ kind: 'cancel', target: keyAt(0), operation: 'command-1' }])
    expect(deploymentOf(look(lost, after(900)))).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      instances: [{ status: 'unknown', reason: 'not_restored' }, { status: 'failed' }],
    })
  })

  it('does not begin a restore for which no time is left', () => {
    const story = look(failing(), after(890))
    expect(deploymentOf(story)).toMatchObject({ stage: 'ended', reason: 'unhealthy' })
    expect(statusesOf(story)).toEqual(['unknown', 'failed'])
  })
})
