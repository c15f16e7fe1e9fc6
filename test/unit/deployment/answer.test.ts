import { describe, expect, it } from 'vitest'
import type { Ec2Settings } from '../../../src/deployment/app.ts'
import { absorb } from '../../../src/deployment/answer.ts'
import { draftOf } from '../../../src/deployment/draft.ts'
import type { Place } from '../../../src/deployment/head.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import {
  after,
  begin,
  deploymentOf,
  failedAt,
  fenceOf,
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

const inThrees = ec2({ rollout: { batch: { kind: 'count', value: 3 }, pauseSeconds: 0 } })

/** Release 1 is live on four instances; the second wave of release 2 is to go to the other three. */
const beforeWide = (): Story => {
  const opening = openingOf(2, 4, {}, { ...lettings, targets: [inThrees] })
  const first = send(look(openedBy(live(1, 4), opening), start), start)
  return look(hear(first, start, succeededAt(1, 2)), start)
}
const wide = (): Story => send(beforeWide(), start)

const deploying = () => send(look(openedBy(live(1, 1), openingOf(2, 1)), start), start)
const refused = (reason: Answer['reason'], changes: Partial<Answer> = {}) =>
  answerOf(instanceAt(1), 'refused', reason, { serving: servingOf(1, 1), ...changes })

describe('answers to a command', () => {
  it('count once all of its instances have given theirs', () => {
    const story = wide()
    const some = hear(story, after(5), succeededAt(2, 2), answerOf(instanceAt(3), 'waiting', null))
    expect(some.head).toBe(story.head)
    const all = hear(story, after(5), succeededAt(2, 2), succeededAt(3, 2), succeededAt(4, 2))
    expect(statusesOf(all)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded'])
    expect(deploymentOf(all).intent).toBeNull()
  })

  it('count as lost where they are missing past the deadline', () => {
    const story = hear(
      wide(),
      after(600),
      succeededAt(2, 2),
      answerOf(instanceAt(3), 'waiting', null),
    )
    expect(statusesOf(story)).toEqual(['succeeded', 'succeeded', 'lost', 'lost'])
    expect(deploymentOf(story)).toMatchObject({ stage: 'restoring', reason: 'no_answer' })
  })

  it('keep the reason of a loss that has one', () => {
    const full = answerOf(instanceAt(1), 'lost', 'disk_full')
    expect(deploymentOf(hear(deploying(), after(5), full))).toMatchObject({
      stage: 'restoring',
      reason: 'disk_full',
    })
  })

  it.each([
    ['failed', failedAt(1, { reason: null, serving: servingOf(1, 1) })],
    ['was lost', answerOf(instanceAt(1), 'lost', null)],
  ])('that a command %s, and no reason with it, count as no answer', (_what, answer) => {
    expect(deploymentOf(hear(deploying(), after(5), answer)).reason).toBe('no_answer')
  })

  it('of another fence change nothing', () => {
    const { head } = deploying()
    expect(absorb(draftOf(head), fenceOf(1), [succeededAt(1, 2)], start).events).toEqual([])
    const none = begin().head
    expect(absorb(draftOf(none), fenceOf(0), [], start).events).toEqual([])
  })

  it('of a failure that left the live release serving end the deployment', () => {
    const story = hear(deploying(), after(5), failedAt(1, { serving: servingOf(1, 1) }))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: 'it answers 500',
      endedAt: after(5),
      instances: [{ status: 'failed', serving: { generation: 1 } }],
    })
  })

  it('of a failure among several instances end the deployment naming the one', () => {
    const others = [succeededAt(3, 2), succeededAt(4, 2)]
    const story = hear(wide(), after(5), failedAt(2, { serving: servingOf(1, 1) }), ...others)
    expect(deploymentOf(story).message).toBe(`${instanceAt(2)}: it answers 500`)
    const silent = hear(wide(), after(5), failedAt(2, { message: null }), ...others)
    expect(deploymentOf(silent).message).toBe(instanceAt(2))
  })

  it('of a failure that left something else, or nothing, serving turn to a restore', () => {
    for (const serving of [servingOf(2, 2), null])
      expect(deploymentOf(hear(deploying(), after(5), failedAt(1, { serving }))).stage).toBe(
        'restoring',
      )
  })

  it('of a first release that failed and left nothing serving end the deployment', () => {
    const first = send(look(openedBy(begin(), openingOf(1, 1)), start), start)
    expect(deploymentOf(hear(first, after(5), failedAt(1)))).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
    })
  })

  it('of a first release that came up on one instance only take it down again', () => {
    const story = openedBy(begin(), openingOf(1, 2))
    const first = hear(send(look(story, start), start), start, succeededAt(1, 1))
    const second = hear(send(look(first, start), start), start, failedAt(2))
    expect(intentOf(look(second, after(5)))).toMatchObject({
      purpose: 'restore',
      instances: [instanceAt(1)],
    })
  })
})

describe('a refusal', () => {
  it('for a changed key leads to another command, untouched so far', () => {
    const story = hear(deploying(), after(5), refused('key_changed'))
    expect(deploymentOf(story)).toMatchObject({
      stage: 'rolling',
      intent: null,
      instances: [{ status: 'pending', touched: false, retries: 1 }],
    })
    expect(intentOf(look(story, after(5), [])).purpose).toBe('prepare')
  })

  it('for a fence from before a restore of the table raises the version above it', () => {
    const answer = refused('superseded_fence', { fenceSeen: 70 })
    const story = look(hear(deploying(), after(5), answer), after(5))
    expect(intentOf(story).fence).toBe(72)
    expect(intentOf(story).purpose).toBe('deploy')
  })

  it('by an instance that has a release of this number or a higher one gives it the next', () => {
    for (const [served, number] of [
      [2, 3],
      [9, 10],
    ] as const) {
      const answer = refused('superseded_fence', { fenceSeen: 70, serving: servingOf(served, 1) })
      const { head } = hear(deploying(), after(5), answer)
      expect(head.generation).toBe(number)
      expect(head.deployment).toMatchObject({
        generation: number,
        release: { generation: number },
        instances: [{ status: 'pending', retries: 1 }],
      })
    }
  })

  it('for its number has those deployed to anew who took it under that number', () => {
    const reused = answerOf(instanceAt(3), 'refused', 'superseded_fence', {
      serving: servingOf(2, 1),
    })
    const story = hear(wide(), after(5), succeededAt(2, 2), reused, succeededAt(4, 2))
    expect(deploymentOf(story).generation).toBe(3)
    expect(statusesOf(story)).toEqual(['pending', 'pending', 'pending', 'pending'])
    expect(intentOf(look(story, after(5))).instances).toEqual([instanceAt(1)])
  })

  it('for its number hides nobody who failed', () => {
    const reused = answerOf(instanceAt(3), 'refused', 'superseded_fence', {
      serving: servingOf(2, 1),
    })
    const story = hear(wide(), after(5), failedAt(2), reused, succeededAt(4, 2))
    expect(deploymentOf(story)).toMatchObject({ stage: 'restoring', reason: 'unhealthy' })
  })

  it('changes no number where nothing is served, or the instance only gave way', () => {
    const nothing = refused('superseded_fence', { serving: null })
    expect(hear(deploying(), after(5), nothing).head.generation).toBe(2)
    const gaveWay = failedAt(1, { reason: 'superseded_fence', serving: servingOf(9, 1) })
    expect(hear(deploying(), after(5), gaveWay).head.generation).toBe(2)
  })

  it('takes no number from an instance that no app can have come to', () => {
    const answer = refused('superseded_fence', { serving: servingOf(10_000_000, 1) })
    expect(hear(deploying(), after(5), answer).head.generation).toBe(2)
    const highest = refused('superseded_fence', { serving: servingOf(9_999_999, 1) })
    expect(hear(deploying(), after(5), highest).head.generation).toBe(10_000_000)
  })

  it('changes no number while the live release is brought back', () => {
    const failed = look(hear(deploying(), after(5), failedAt(1)), after(6))
    const restoring = send(failed, after(6))
    const answer = refused('superseded_fence', { serving: servingOf(9, 1) })
    expect(hear(restoring, after(7), answer).head.generation).toBe(2)
  })

  it('changes no number where the release has its own already, or for any other reason', () => {
    const serving = servingOf(9, 1)
    const going = send(look(openedBy(live(1, 1), openingOf(2, 1)), start), start)
    const key = hear(going, after(5), refused('key_changed', { serving }))
    expect(key.head.generation).toBe(2)
    const deployment = { ...deploymentOf(going), kind: 'converge' as const }
    const story = { ...going, head: { ...going.head, deployment } }
    expect(hear(story, after(5), refused('superseded_fence', { serving })).head.generation).toBe(2)
  })

  it('for a fence that is below the version raises nothing', () => {
    const before = deploying()
    const answer = refused('superseded_fence', { fenceSeen: 1 })
    expect(hear(before, after(5), answer).head.version).toBe(before.head.version + 1)
  })

  it('is repeated twice at most', () => {
    let story = deploying()
    for (const retries of [1, 2]) {
      story = hear(story, after(5), refused('superseded_fence'))
      expect(deploymentOf(story).instances).toMatchObject([{ retries }])
      story = send(look(story, after(5)), after(5))
    }
    story = hear(story, after(5), refused('superseded_fence'))
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'superseded_fence' })
  })

  it('for anything else ends the deployment; nothing was changed', () => {
    const story = hear(deploying(), after(5), refused('owned_by_other', { serving: null }))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'owned_by_other',
      instances: [{ status: 'failed', touched: false }],
    })
  })

  it('of a command sent twice does not say that the first one changed nothing', () => {
    const again = send(
      look(look(openedBy(live(1, 1), openingOf(2, 1)), start), after(30)),
      after(30),
    )
    const late = refused('too_late', { serving: servingOf(2, 2) })
    expect(deploymentOf(hear(again, after(40), late)).stage).toBe('restoring')
    const unchanged = refused('too_late')
    expect(deploymentOf(hear(again, after(40), unchanged)).stage).toBe('ended')
  })
})

describe('the answer to prepare', () => {
  const preparing = () => send(look(openedBy(begin(), openingOf(1, 1)), start, []), start)

  it('lets the deploy follow', () => {
    const story = hear(preparing(), after(2), succeededAt(1, 1))
    expect(statusesOf(story)).toEqual(['pending'])
    expect(intentOf(look(story, after(2))).purpose).toBe('deploy')
  })

  it('that something is missing ends the deployment, saying what', () => {
    const missing = failedAt(1, { reason: 'tool_missing', message: 'openssl' })
    expect(deploymentOf(hear(preparing(), after(2), missing))).toMatchObject({
      status: 'failed',
      reason: 'tool_missing',
      message: 'openssl',
    })
  })

  it('that it came too late has it sent again', () => {
    const story = look(hear(preparing(), after(2), refused('too_late')), after(2), [])
    expect(intentOf(story)).toMatchObject({ purpose: 'prepare', at: after(2) })
  })

  it('that it failed for no reason told counts as no answer', () => {
    const story = hear(preparing(), after(2), failedAt(1, { reason: null }))
    expect(deploymentOf(story)).toMatchObject({ status: 'failed', reason: 'no_answer' })
  })

  it('that it came too late time and again ends the deployment', () => {
    let story = preparing()
    for (let times = 0; times < 4; times += 1)
      story = send(look(hear(story, after(2), refused('too_late')), after(2), []), after(2))
    expect(deploymentOf(hear(story, after(2), refused('too_late')))).toMatchObject({
      status: 'failed',
      reason: 'too_late',
    })
  })

  it('is not asked for without end where it never helps', () => {
    let story = preparing()
    for (let times = 0; times < 4; times += 1)
      story = send(look(hear(story, after(2), succeededAt(1, 1)), after(2), []), after(2))
    expect(intentOf(story).purpose).toBe('prepare')
    expect(deploymentOf(hear(story, after(2), succeededAt(1, 1)))).toMatchObject({
      status: 'failed',
      reason: 'key_changed',
    })
  })
})

describe('the answer to a restore', () => {
  const restoring = () => {
    const lost = look(deploying(), after(600))
    return send(look(lost, after(600)), after(600))
  }

  it('that it is done ends the deployment', () => {
    const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })
    const story = look(hear(restoring(), after(610), back), after(610))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
      instances: [{ status: 'restored', serving: { generation: 1 } }],
    })
  })

  it.each([
    ['failed', failedAt(1)],
    ['is lost', answerOf(instanceAt(1), 'lost', 'no_answer')],
    ['is refused', refused('too_late')],
  ])('that it %s leaves the instance unknown', (_name, answer) => {
    const story = hear(restoring(), after(610), answer)
    expect(deploymentOf(story).instances).toMatchObject([
      { status: 'unknown', reason: 'not_restored', touched: true },
    ])
    expect(deploymentOf(look(story, after(610)))).toMatchObject({
      stage: 'ended',
      status: 'failed',
    })
  })

  it('that its fence is too low has it sent twice more at most', () => {
    let story = restoring()
    for (const retries of [1, 2]) {
      story = hear(story, after(610), refused('superseded_fence'))
      expect(deploymentOf(story).instances).toMatchObject([{ status: 'lost', retries }])
      story = send(look(story, after(610)), after(610))
    }
    story = hear(story, after(610), refused('superseded_fence'))
    expect(statusesOf(story)).toEqual(['unknown'])
  })

  it('names all who are not brought back', () => {
    const others = [failedAt(3), failedAt(4)]
    const failed = send(look(hear(wide(), after(5), failedAt(2), ...others), after(5)), after(5))
    const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })
    const story = look(hear(failed, after(9), back, failedAt(2), ...others), after(9))
    expect(deploymentOf(story).message).toBe(
      `${instanceAt(2)}: it answers 500; not brought back: ${[2, 3, 4].map(instanceAt).join(', ')}`,
    )
  })

  it('that its fence is too low has it sent once more', () => {
    const story = hear(restoring(), after(610), refused('superseded_fence', { fenceSeen: 90 }))
    expect(intentOf(look(story, after(610)))).toMatchObject({ purpose: 'restore', fence: 92 })
  })
})

describe('what an instance says that it serves', () => {
  const drift = (changes: Partial<Ec2Settings>) => ({ ...lettings, targets: [ec2(changes)] })

  /** Release 1 is live on instance 1; after an hour it is asked, and instance 2, which came. */
  const asked = (settings = lettings, known: readonly Place[] = []): Story => {
    const { head } = live(1, 1)
    const releases = head.releases.map((release) => ({ ...release, settings }))
    const candidates = [1, 2].map((index) => ({
      id: instanceAt(index),
      target: keyAt(0),
      obstacle: null,
    }))
    const found = { kind: 'found', candidates, capacities: [2], called: null } as const
    const hour = after(3600)
    return send(
      look(
        see(
          { head: { ...head, releases, places: [...head.places, ...known] }, actions: [] },
          found,
          hour,
        ),
        hour,
        [],
      ),
      hour,
    )
  }
  const told = (index: number, serving: Answer['serving']) =>
    answerOf(instanceAt(index), 'succeeded', null, { serving })

  it('is all that is asked of who serves what is live', () => {
    const story = hear(asked(), after(3601), told(1, servingOf(1, 1)))
    expect(deploymentOf(story).instances[0]).toMatchObject({ status: 'succeeded', touched: false })
  })

  it('is put right where it served what is live before, and named drifted meanwhile', () => {
    const story = hear(asked(), after(3601), told(1, servingOf(9, 9)))
    expect(deploymentOf(story).instances[0]).toMatchObject({
      status: 'pending',
      reason: 'drifted',
      serving: servingOf(9, 9),
    })
  })

  it('is left as it is where the app only wants to be told', () => {
    const story = hear(asked(drift({ drift: 'report' })), after(3601), told(1, null))
    expect(deploymentOf(story).instances[0]).toMatchObject({ status: 'failed', reason: 'drifted' })
  })

  it('is no drift where it never served what is live', () => {
    const settings = drift({ drift: 'report' })
    const offline = { generation: null, at: start, tries: 1, reason: 'instance_offline' } as const
    for (const known of [[], [{ id: instanceAt(2), target: keyAt(0), ...offline }]]) {
      const first = hear(asked(settings, known), after(3601), told(1, servingOf(1, 1)))
      const second = send(look(first, after(3601)), after(3601))
      expect(deploymentOf(hear(second, after(3602), told(2, null))).instances[1]).toMatchObject({
        status: 'pending',
        reason: null,
      })
    }
  })

  it('counts for nothing where it could not be asked', () => {
    const failed = failedAt(1, { reason: 'tool_missing', serving: servingOf(1, 1) })
    expect(deploymentOf(hear(asked(), after(3601), failed)).instances[0]).toMatchObject({
      status: 'failed',
      reason: 'tool_missing',
    })
  })
})

describe('a command that is sent', () => {
  const offline = (index: number) =>
    answerOf(instanceAt(index), 'failed', 'instance_offline', { message: 'InvalidInstanceId' })

  it('keeps the handle by which it is observed', () => {
    expect(intentOf(deploying()).operation).toBe('command-1')
  })

  it('for a deployment that is gone changes nothing', () => {
    const none = begin()
    const sent = { kind: 'sent', fence: fenceOf(1), operation: 'command-1', missing: [] } as const
    expect(see(none, sent, start).head).toBe(none.head)
  })

  it('to nobody ends the deployment without a restore: nothing was sent', () => {
    const story = look(openedBy(live(1, 1), openingOf(2, 1)), start)
    expect(deploymentOf(send(story, start, [offline(1)], null))).toMatchObject({
      status: 'failed',
      reason: 'instance_offline',
      message: 'InvalidInstanceId',
      instances: [{ status: 'failed', touched: false }],
    })
  })

  it('to some waits for them alone and then fails for the others', () => {
    const sent = send(beforeWide(), start, [offline(3)])
    expect(intentOf(sent).instances).toEqual([instanceAt(2), instanceAt(4)])
    const heard = hear(sent, after(3), succeededAt(2, 2), succeededAt(4, 2))
    expect(deploymentOf(heard)).toMatchObject({ stage: 'restoring', reason: 'instance_offline' })
    const restored = intentOf(look(heard, after(3))).instances
    expect(restored).toEqual([instanceAt(1), instanceAt(2), instanceAt(4)])
  })

  it('to nobody in one target says nothing of the same instance in another', () => {
    const candidates = [0, 1]
      .map(keyAt)
      .map((target) => ({ id: instanceAt(1), target, obstacle: null }))
    const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
    const story = look(openedBy(begin(), openingOf(1, 2, { candidates }, settings)), start)
    expect(statusesOf(send(story, start, [offline(1)], null))).toEqual(['failed', 'pending'])
  })

  it('twice is observed by what was known first', () => {
    const story = deploying()
    expect(send(story, after(1), [], 'command-2').head).toBe(story.head)
    expect(send(story, after(1), [offline(1)], null).head).toBe(story.head)
  })

  it('again and in vain does not prove that the first sender reached nobody', () => {
    const again = look(look(openedBy(live(1, 1), openingOf(2, 1)), start), after(30))
    const story = send(again, after(30), [offline(1)], null)
    expect(deploymentOf(story)).toMatchObject({
      stage: 'restoring',
      reason: 'instance_offline',
      instances: [{ status: 'lost', touched: true }],
    })
  })

  it('as a restore that reaches nobody leaves the instance unknown', () => {
    const restoring = look(look(deploying(), after(600)), after(600))
    const story = send(restoring, after(600), [offline(1)], null)
    expect(deploymentOf(story).instances).toMatchObject([
      { status: 'unknown', reason: 'not_restored', touched: true },
    ])
  })
})
