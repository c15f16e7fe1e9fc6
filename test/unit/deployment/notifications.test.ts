import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { headLimits } from '../../../src/deployment/head.ts'
import { jsonBytes } from '../../../src/deployment/message.ts'
import { channels } from '../../../src/deployment/notice.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import { begin, bringLive, live, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  instanceAt,
  lettings,
  openingOf,
  servingOf,
  start,
  succeededAt,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { renderTarget } from '../../support/targets.ts'
import { commitAt, digestAt, ec2 } from '../../support/examples.ts'

const rollback = { kind: 'rollback', to: null } as const
const freeze = { kind: 'freeze', reason: 'exams' } as const

const ids = ({ notices }: Core): readonly string[] => notices.map(({ id }) => id)

/** Release 2 is out on the one instance and is taken back, which then serves release 1 again. */
const takenBack = (kind: 'cancel' | 'rollback', settings = lettings): Core =>
  live(1, 1)
    .open(openingOf(2, 1, {}, settings))
    .dispatch()
    .at(1)
    .say(kind === 'cancel' ? { kind } : rollback)
    .finish()

/** A person takes back the live release, and the one before comes up again. */
const rolledBack = (settings = lettings): Core =>
  bringLive(bringLive(begin(), openingOf(1, 1, {}, settings)), openingOf(2, 1, {}, settings))
    .at(1)
    .say(rollback)
    .at(2)
    .openRollback()
    .finish()

describe('a notice', () => {
  it("sends one notice of a deployment's start and one of its end", () => {
    const core = live(2, 1)
    expect(ids(core)).toEqual(['1:started', '1:succeeded'])
    expect(core.notices[1]).toMatchObject({
      kind: 'succeeded',
      by: 'github',
      reason: 'deployed',
      deployment: {
        generation: 1,
        kind: 'deploy',
        commit: commitAt(1),
        digest: digestAt(1),
        environment: 'production',
        takesBack: null,
      },
      sentTo: [],
      tries: 0,
      dueAt: start,
    })
  })

  it('sends the reason of a failed deployment', () => {
    const failed = begin().open(openingOf(1, 1)).dispatch().answer(failedAt(1))
    expect(failed.notices.at(-1)).toMatchObject({
      id: '1:failed',
      reason: 'unhealthy',
      message: 'it answers 500',
    })
    expect(ids(begin().open(openingOf(1, 0)))).toEqual(['1:failed'])
  })

  it('sends a notice when an open deployment is cancelled or rolled back', () => {
    for (const [kind, status] of [
      ['cancel', 'cancelled'],
      ['rollback', 'rolled_back'],
    ] as const)
      expect(takenBack(kind).notices.at(-1)).toMatchObject({
        id: `2:${status}`,
        kind: status,
        message: 'by ada',
        deployment: { generation: 2, kind: 'deploy' },
      })
  })

  it("sends notices of a rollback's start, with the generation that it takes back, and of its end", () => {
    expect(rolledBack().notices.slice(-2)).toMatchObject([
      {
        id: '3:started',
        kind: 'started',
        by: 'ada',
        reason: null,
        deployment: { kind: 'rollback', takesBack: 2, afterPredeploy: true },
      },
      { id: '3:rolled_back', kind: 'rolled_back', reason: 'deployed', message: null },
    ])
  })

  it('sends notices of a failed rollback and of the freeze that follows', () => {
    const asked = live(1, 1, 2).at(1).say(rollback)
    expect(ids(asked)).toEqual(ids(live(1, 1, 2)))
    expect(asked.at(2).openRollback(0).notices.slice(-2)).toMatchObject([
      { id: '3:failed', kind: 'failed', reason: 'no_instances' },
      { kind: 'frozen', reason: 'rollback_failed' },
    ])
  })

  it('warns that migrations are not undone, only where a predeploy ran', () => {
    const warns = ({ notices }: Core) => notices.at(-1)?.deployment?.afterPredeploy
    const without = { ...lettings, targets: [ec2({ predeploy: null })] }
    expect(warns(takenBack('rollback'))).toBe(true)
    expect(warns(takenBack('rollback', without))).toBe(false)
    const mixed = { ...lettings, targets: [ec2({ predeploy: null }), ec2()] }
    expect(warns(takenBack('rollback', mixed))).toBe(true)
    const queued = live(1, 1).open(openingOf(2, 1)).at(1).say(rollback)
    expect(warns(queued.poll())).toBe(false)
    expect(warns(live(1, 1, 2))).toBe(false)
    expect(warns(rolledBack())).toBe(true)
    expect(warns(rolledBack(without))).toBe(false)
    const hosted: App = { ...lettings, targets: [renderTarget()] }
    expect(warns(takenBack('rollback', hosted))).toBe(false)
  })

  it('sends notices of a freeze, with its author and reason, and of its end', () => {
    const frozen = begin().at(1).say(freeze)
    expect(frozen.notices).toMatchObject([{ kind: 'frozen', by: 'ada', message: 'exams' }])
    const thawed = frozen.at(2).say({ kind: 'unfreeze' }, 'bob')
    expect(thawed.notices.at(-1)).toMatchObject({ kind: 'unfrozen', by: 'bob' })
  })

  it('sends the reason code of a freeze by a rule', () => {
    const asked = live(1, 1, 2).at(1).say(rollback).at(2)
    const failed = asked.openRollback(1, { obstacle: 'secret_missing' })
    expect(failed.notices.at(-1)).toMatchObject({
      kind: 'frozen',
      reason: 'rollback_failed',
      message: null,
    })
  })

  it("sends an operator's freeze reason as a message, also where it equals a reason code", () => {
    const frozen = begin().at(1).say({ kind: 'freeze', reason: 'rollback_failed' })
    expect(frozen.notices).toEqual([
      {
        id: 'frozen:0',
        kind: 'frozen',
        at: after(1),
        by: 'ada',
        reason: null,
        message: 'rollback_failed',
        deployment: null,
        sentTo: [],
        tries: 0,
        dueAt: after(1),
        claimedUntil: null,
      },
    ])
    expect(frozen.at(2).say({ kind: 'unfreeze' }, 'bob').notices.slice(1)).toMatchObject([
      { id: 'unfrozen:1', at: after(2), reason: null, message: null, deployment: null },
    ])
  })

  it('sends no notice of a freeze again for another input', () => {
    const frozen = begin().say(freeze)
    expect(ids(frozen.ask())).toEqual(ids(frozen))
  })

  it('sends a notice each time that a rollback request is refused', () => {
    const alarm = { alarm: 'oc-lettings-5xx', at: after(1), from: 'OK' } as const
    const alarmed = live(1, 1).at(1).alarm(alarm, 60)
    expect(alarmed.notices.at(-1)).toMatchObject({
      id: `1:not_rolled_back:${alarmed.version - 1}`,
      kind: 'not_rolled_back',
      at: after(1),
      by: 'alarm oc-lettings-5xx',
      reason: 'nothing_to_roll_back_to',
      message: null,
      deployment: null,
    })
    expect(ids(alarmed.at(2).ask())).toEqual(ids(alarmed))
    const called = live(1, 1, 2).say(rollback).say({ kind: 'cancel' })
    expect(called.notices.at(-1)).toMatchObject({ kind: 'not_rolled_back', reason: 'cancelled' })
    const twice = called.at(3).say(rollback).say({ kind: 'cancel' })
    expect(twice.notices).toHaveLength(called.notices.length + 1)
  })

  it('sends another notice of a refused rollback where the live release is another one', () => {
    const fired = (seconds: number) =>
      ({ alarm: 'oc-lettings-5xx', at: after(seconds), from: 'OK' }) as const
    const { release } = openingOf(1, 1)
    const again = (core: Core, secretVersion: string | null): Core =>
      [1, 2, 3, 4, 5, 6].reduce((one) => {
        const changes = { kind: 'redeploy', order: null } as const
        const opening = openingOf(1, 1, { ...changes, release: { ...release, secretVersion } })
        return bringLive(one, opening)
      }, core)
    const first = again(begin(), null).at(5).alarm(fired(5), 600)
    expect(first.rollback).toMatchObject({ generation: 1, refusal: 'nothing_to_roll_back_to' })
    const before = again(first.at(10), 'rotated')
    const second = before.at(20).alarm(fired(20), 600)
    expect(second.rollback).toMatchObject({ generation: 7, refusal: 'nothing_to_roll_back_to' })
    const said = second.notices.filter(({ kind }) => kind === 'not_rolled_back')
    expect(said.map(({ at }) => at)).toEqual([after(5), after(20)])
    expect(second.notices.at(-1)).toEqual(said[1])
  })

  it('cuts the message of a notice at 300 characters', () => {
    const answer = failedAt(1, { message: 'x'.repeat(400) })
    const failed = begin().open(openingOf(1, 1)).dispatch().answer(answer)
    expect(failed.notices.at(-1)?.message).toBe('x'.repeat(300))
  })

  it('keeps the newest twenty notices', () => {
    let core = begin()
    for (let count = 1; count <= 30; count += 1)
      core = core.at(count).say({ kind: 'freeze', reason: `${count}` })
    expect(core.notices).toHaveLength(20)
    expect(core.notices[0]).toMatchObject({ message: '11' })
    expect(core.notices.at(-1)).toMatchObject({ message: '30' })
  })
})

describe('a notice of drift', () => {
  const settingsOf = (drift: 'repair' | 'report', percent = 1): App => {
    const rollout = { batch: { kind: 'percent', value: percent }, pauseSeconds: 0 } as const
    return { ...lettings, targets: [ec2({ drift, rollout })] }
  }
  const everyone = (instances: number) =>
    Array.from({ length: instances }, (_, index) => candidateAt(index + 1))
  /** Release 1 was live on the instances; they are asked what they serve after an hour. */
  const asked = (instances: number, settings = settingsOf('repair')): Core =>
    bringLive(begin(), openingOf(1, instances, {}, settings))
      .at(3600)
      .find(everyone(instances), null, 1)
      .dispatch()
  const reporting = (): Core => asked(1, settingsOf('report'))
  const changed = (index: number) =>
    answerOf(instanceAt(index), 'succeeded', null, { serving: servingOf(9, 9) })
  const drifted = ({ notices }: Core) =>
    notices.flatMap(({ kind, message }) => (kind === 'drifted' ? [message] : []))
  const kinds = ({ notices }: Core) => notices.map(({ kind }) => kind)
  /** The instance was changed, and bringing the live release back to it has this answer. */
  const repair = (core: Core, index: number, answer: Answer): Core =>
    core.answer(changed(index)).dispatch().answer(answer).poll()
  const name = instanceAt(1)

  it('sends a notice of drift when a drifted instance is repaired', () => {
    const right = repair(asked(1), 1, succeededAt(1, 1))
    expect(right.notices).toMatchObject([
      {
        id: `drifted:${right.version - 1}`,
        kind: 'drifted',
        by: 'convergence',
        reason: 'drifted',
        message: `${name} was put right`,
        deployment: null,
      },
    ])
  })

  it('sends a notice of drift when the app asks only for reports', () => {
    const left = reporting().answer(changed(1)).poll()
    expect(drifted(left)).toEqual([`${name} is left as it is (drift: report)`])
  })

  it('sends the reason for each drifted instance that could not be repaired', () => {
    const first = repair(asked(2), 1, failedAt(1, { reason: 'tool_missing' }))
    const both = repair(first.send(), 2, failedAt(2, { reason: null }))
    expect(drifted(both)).toEqual([
      `${name} could not be put right (tool_missing); ${instanceAt(2)} could not be put right (no_answer)`,
    ])
  })

  it('joins one sentence for each drifted instance in a notice of drift', () => {
    const one = repair(asked(2), 1, succeededAt(1, 1))
    const both = repair(one.send(), 2, failedAt(2))
    expect(drifted(both)).toEqual([
      `${name} was put right; ${instanceAt(2)} could not be put right (unhealthy)`,
    ])
  })

  it('cuts a notice of drift at 300 characters', () => {
    const first = asked(9, settingsOf('report', 100)).answer(changed(1)).poll()
    let core = first
    for (let index = 2; index <= 9; index += 1) core = core.send().answer(changed(index)).poll()
    expect(core.repair).toMatchObject({ phase: 'ended' })
    expect(drifted(core)[0]).toHaveLength(300)
  })

  it('sends no notice of drift where an instance is up to date or could not be asked', () => {
    const right = asked(1).answer(succeededAt(1, 1)).poll()
    expect(right.repair).toMatchObject({ phase: 'ended', status: 'succeeded' })
    expect(drifted(right)).toEqual([])
    const failed = asked(1)
      .answer(failedAt(1, { reason: 'tool_missing' }))
      .poll()
    expect(failed.repair).toMatchObject({ phase: 'ended', status: 'failed' })
    expect(drifted(failed)).toEqual([])
  })

  it('sends a notice of drift once, whatever is written before the repair is archived', () => {
    const left = reporting().answer(changed(1)).poll()
    const right = repair(asked(1), 1, succeededAt(1, 1))
    for (const over of [left, right]) {
      const frozen = over.say(freeze)
      expect(frozen.repair).toMatchObject({ phase: 'ended' })
      expect(kinds(frozen)).toEqual(['drifted', 'frozen'])
    }
  })

  it('sends a notice of drift once, however often the drift is found', () => {
    const told = reporting().answer(changed(1)).poll()
    const later = told.archive().at(7200).find(everyone(1), null, 1).dispatch()
    const met = later.answer(changed(1)).poll()
    expect(met.repair).toMatchObject({ phase: 'ended' })
    expect(drifted(met)).toEqual([])
  })

  it('sends a notice of drift when a deployment preempts its repair', () => {
    const opened = asked(1).answer(changed(1)).open(openingOf(2, 1))
    expect(drifted(opened)).toEqual([`${name} could not be put right (superseded)`])
  })
})

describe('a sealing certificate that was replaced', () => {
  const prepared = (index: number, isKeyNew: boolean) =>
    answerOf(instanceAt(index), 'succeeded', null, { isKeyNew })
  const preparing = (instances: number) => begin().open(openingOf(1, instances)).poll([]).send()

  it('is told with its instance, under the name that the deployment was requested by', () => {
    const core = preparing(1).answer(prepared(1, true))
    expect(core.notices.filter(({ kind }) => kind === 'certificate_changed')).toMatchObject([
      {
        id: `certificate_changed:${core.version - 1}`,
        by: 'github',
        reason: 'key_changed',
        message: instanceAt(1),
        deployment: null,
      },
    ])
    expect(core.deployment).toMatchObject({ phase: 'advancing' })
  })

  it('is told of many instances in one notice, with five by name', () => {
    const settings = {
      ...lettings,
      targets: [ec2({ rollout: { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } })],
    }
    const everyone = Array.from({ length: 51 }, (_, index) => index + 1)
    const core = bringLive(begin(), openingOf(1, 51, {}, settings))
      .at(3600)
      .find(
        everyone.map((index) => candidateAt(index)),
        null,
        50,
      )
      .dispatch()
      .answer(succeededAt(1, 1))
      .dispatch()
      .answer(...everyone.slice(1).map((index) => prepared(index, true)))
    const named = everyone.slice(1, 6).map(instanceAt).join(', ')
    expect(core.notices.filter(({ kind }) => kind === 'certificate_changed')).toMatchObject([
      { by: 'convergence', message: `${named} and 45 more` },
    ])
  })

  it('is not told if it is the first, or the same again', () => {
    const core = preparing(1).answer(prepared(1, false))
    expect(core.notices.map(({ kind }) => kind)).not.toContain('certificate_changed')
  })
})

describe('sending a notice', () => {
  const started = (): Core => begin().open(openingOf(1, 1)).poll()
  const claimed = (): Core => started().claim('1:started')

  it('reserves a claimed notice for its run for 30 s', () => {
    expect(started().dueNotice).toMatchObject({ id: '1:started' })
    const one = claimed()
    expect(one.notices[0]).toMatchObject({ tries: 1, claimedUntil: after(30) })
    expect(one.at(29).dueNotice).toBeNull()
    expect(one.at(29).claim('1:started').changed).toBe(false)
    expect(one.at(30).dueNotice).toMatchObject({ id: '1:started' })
  })

  it('holds a notice back while another one of its deployment is claimed', () => {
    const both = live(1, 1).claim('1:started')
    expect(ids(both)).toEqual(['1:started', '1:succeeded'])
    expect(both.at(29).dueNotice).toBeNull()
    const one = both.at(2).tell({ id: '1:started', isDone: true })
    expect(one.dueNotice).toMatchObject({ id: '1:succeeded' })
  })

  it('does not hold a notice back for one of another deployment or of none', () => {
    const frozen = live(1, 1).claim('1:started').at(1).say(freeze)
    expect(frozen.dueNotice).toMatchObject({ kind: 'frozen' })
    const other = started().say(freeze)
    expect(other.claim(ids(other).at(-1) ?? '').dueNotice).toMatchObject({ id: '1:started' })
    const both = bringLive(live(1, 1).claim('1:started'), openingOf(2, 1))
    expect(both.at(1).dueNotice).toMatchObject({ id: '2:started' })
  })

  it('ignores a claim of a notice that is unknown or not due, and the outcome of an unknown one', () => {
    expect(started().claim('9:started').changed).toBe(false)
    expect(started().tell({ id: '9:started', isDone: true }).changed).toBe(false)
    const one = claimed().tell({ id: '1:started' })
    expect(one.notices[0]).toMatchObject({ tries: 1, claimedUntil: null, dueAt: after(15) })
    expect(one.at(14).dueNotice).toBeNull()
    expect(one.at(14).claim('1:started').changed).toBe(false)
    expect(one.at(15).claim('1:started').notices[0]).toMatchObject({ tries: 2 })
  })

  it('leaves the other notices as they are', () => {
    const one = live(1, 1).claim('1:succeeded')
    expect(one.notices).toMatchObject([
      { id: '1:started', tries: 0 },
      { id: '1:succeeded', tries: 1 },
    ])
    expect(ids(one.tell({ id: '1:succeeded', isDone: true }))).toEqual(['1:started'])
  })

  it('drops a notice once every channel has it', () => {
    const done = claimed().tell({ id: '1:started', isDone: true })
    expect(ids(done)).toEqual([])
    expect(done.at(1).tell({ id: '1:started', isDone: true }).changed).toBe(false)
  })

  it('keeps the channels that have a notice and retries after 15, 30, 60 … 300 s', () => {
    let core = started()
    const gaps: number[] = []
    let at = 0
    for (let tries = 0; tries < 7; tries += 1) {
      core = core
        .at(at)
        .claim('1:started')
        .tell({ id: '1:started', sentTo: ['event'] })
      const dueAt = (Date.parse(core.notices[0]?.dueAt ?? '') - Date.parse(start)) / 1000
      gaps.push(dueAt - at)
      at = dueAt
    }
    expect(gaps).toEqual([15, 30, 60, 120, 240, 300, 300])
    expect(core.notices[0]?.sentTo).toEqual(['event'])
  })

  it('holds a notice back as long as a channel asks for', () => {
    const waiting = claimed().tell({ id: '1:started', afterSeconds: 100 })
    expect(waiting.notices[0]?.dueAt).toBe(after(100))
  })

  it('drops a notice after an hour', () => {
    const late = started().at(3590).claim('1:started').tell({ id: '1:started' })
    expect(ids(late)).toEqual([])
    const idle = live(1, 1)
      .claim('1:started')
      .tell({ id: '1:started' })
      .claim('1:succeeded')
      .tell({ id: '1:succeeded', isDone: true })
    expect(idle.isIdle).toBe(true)
    expect(ids(idle)).toEqual(['1:started'])
    expect(idle.at(3599).poll().changed).toBe(false)
    expect(ids(idle.at(3600).poll())).toEqual([])
    const busy = claimed().tell({ id: '1:started', afterSeconds: 3599 })
    expect(ids(busy)).toEqual(['1:started'])
    expect(ids(claimed().tell({ id: '1:started', afterSeconds: 3600 }))).toEqual([])
  })
})

describe('more notices than the record of the app has room for', () => {
  it('keeps the newest 20 KB of notices, counted as if every channel but the last had them', () => {
    const reason = '漢'.repeat(300)
    let core = live(1, 1)
    for (let count = 1; count <= 30; count += 1)
      core = core.at(count).say({ kind: 'freeze', reason }, '漢'.repeat(100))
    const sizes = core.notices.map((one) =>
      jsonBytes({ ...one, sentTo: channels, tries: 9999, claimedUntil: one.at }),
    )
    const kept = sizes.reduce((all, size) => all + size + 1, 0)
    expect(core.notices.at(-1)).toMatchObject({ kind: 'frozen', at: after(30) })
    expect(core.notices[0]).toMatchObject({ at: after(31 - sizes.length) })
    expect(kept).toBeLessThanOrEqual(headLimits.noticesBytes)
    expect(kept + Math.max(...sizes)).toBeGreaterThan(headLimits.noticesBytes)
  })
})
