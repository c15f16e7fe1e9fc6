import { describe, expect, it } from 'vitest'
import type { App, Ec2Settings } from '../../../src/deployment/app.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import { begin, bringLive, type Core } from '../../support/core.ts'
import {
  candidateAt,
  failedAt,
  instanceAt,
  lettings,
  openingOf,
  servingOf,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'
import { answerOf } from '../../support/hosts.ts'

const hour = 3600

const settingsOf = (changes: Partial<Ec2Settings>): App => ({
  ...lettings,
  targets: [ec2(changes)],
})
const liveWith = (settings: App): Core => bringLive(begin(), openingOf(1, 1, {}, settings))

const told = (index: number, serving: Answer['serving']) =>
  answerOf(instanceAt(index), 'succeeded', null, { serving })

describe('what an instance reports that it serves', () => {
  /** Release 1 is live on instance 1; after an hour it is asked, and instance 2, which came. */
  const asked = (settings = lettings, from = liveWith(settings)): Core =>
    from
      .at(hour)
      .find([candidateAt(1), candidateAt(2)])
      .dispatch([])

  it('sends nothing to an instance that serves the live release', () => {
    const answered = asked()
      .at(3601)
      .answer(told(1, servingOf(1, 1)))
    expect(answered.instances[0]).toMatchObject({ status: 'succeeded', touched: false })
  })

  it('repairs an instance that served the live release before, and marks it as drifted meanwhile', () => {
    const answered = asked()
      .at(3601)
      .answer(told(1, servingOf(9, 9)))
    expect(answered.instances[0]).toMatchObject({
      status: 'pending',
      reason: 'drifted',
      serving: servingOf(9, 9),
    })
    expect(answered.poll().sent).toMatchObject([
      { purpose: 'deploy', release: { generation: 1 }, instances: [instanceAt(1)] },
    ])
  })

  it('leaves a drifted instance as it is where the app asks only for reports', () => {
    const answered = asked(settingsOf({ drift: 'report' })).answer(told(1, null))
    expect(answered.instances[0]).toMatchObject({ status: 'failed', reason: 'drifted' })
  })

  it('does not mark an instance as drifted that never served the live release', () => {
    const settings = settingsOf({ drift: 'report' })
    const absent = liveWith(settings).find([
      candidateAt(1),
      candidateAt(2, { obstacle: 'instance_offline' }),
    ])
    for (const from of [liveWith(settings), absent]) {
      const first = asked(settings, from)
        .at(3601)
        .answer(told(1, servingOf(1, 1)))
      const second = first.dispatch([]).at(3602).answer(told(2, null))
      expect(second.instances[1]).toMatchObject({ status: 'pending', reason: null })
    }
  })

  it('ignores what an instance reports in a failed answer', () => {
    const failed = failedAt(1, { reason: 'tool_missing', serving: servingOf(1, 1) })
    expect(asked().at(3601).answer(failed).instances[0]).toMatchObject({
      status: 'failed',
      reason: 'tool_missing',
    })
  })

  it('asks an unrepaired drifted instance again after an hour, however often', () => {
    const report = liveWith(settingsOf({ drift: 'report' })).at(hour)
    const ask = (core: Core) => core.find([candidateAt(1)])
    const leave = (core: Core) => ask(core).dispatch().answer(told(1, null)).poll().archive()
    const left = leave(report)
    expect(left.observed).toMatchObject([{ reason: 'drifted', tries: 1 }])
    expect(ask(left.at(2 * hour - 1)).changed).toBe(false)
    expect(ask(left.at(2 * hour)).instances).toMatchObject([{ id: instanceAt(1) }])
    const again = leave(left.at(2 * hour))
    expect(again.observed).toMatchObject([{ reason: 'drifted', tries: 2 }])
    expect(ask(again.at(3 * hour - 1)).changed).toBe(false)
    expect(ask(again.at(3 * hour)).instances).toMatchObject([{ id: instanceAt(1) }])
  })
})
