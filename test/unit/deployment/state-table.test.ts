import { expect, it } from 'vitest'
import { decide } from '../../../src/deployment/transition.ts'
import type { Observation } from '../../../src/deployment/observation.ts'
import { Fence, Generation } from '../../../src/kernel/id.ts'
import { live, type Core } from '../../support/core.ts'
import { rowsOf } from '../../support/pages.ts'
import {
  after,
  candidateAt,
  failedAt,
  instanceAt,
  lettings,
  openingOf,
  succeededAt,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'

const pausing = {
  ...lettings,
  targets: [ec2({ rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 120 } })],
}
const opened = (): Core => live(2, 1).open(openingOf(2, 2, {}, pausing))
const sent = (): Core => opened().dispatch()

/** An app with release 1 live on two instances, and then: */
const states: Readonly<Record<string, () => Core>> = {
  'nothing open': () => live(2, 1),
  'advancing, queued': opened,
  'advancing, a command to send': () => opened().poll(),
  'advancing, a command out': sent,
  'advancing, paused': () => sent().answer(succeededAt(1, 2)),
  'withdrawing, a command out': () => sent().answer(failedAt(1)).dispatch(),
  ended: () => sent().answer(failedAt(1)).dispatch().answer(succeededAt(1, 1)).poll(),
  'a rollback asked for': () => live(2, 1, 2).say({ kind: 'rollback', to: null }),
  'a repair, a command out': () =>
    live(2, 1)
      .find([candidateAt(3)])
      .dispatch(),
}

const operated = { kind: 'operated', by: 'ada', id: 'command' } as const
const request = {
  revision: null,
  promoted: null,
  force: false,
  by: 'ada',
  at: after(5),
  refusal: null,
}
const alarm = { alarm: 'errors', at: after(5), from: 'OK' } as const
const notice = { sentTo: [], isDone: true, afterSeconds: null }

/** What can be observed, each as it could be meant in that state. */
const observe = (core: Core): Readonly<Record<string, Observation>> => {
  const fence = core.command?.fence ?? Fence.parse(0)
  const { id = '' } = core.notices[0] ?? {}
  const generation = (core.deployment ?? core.repair)?.generation ?? Generation.parse(0)
  const instances = core.command?.instances ?? []
  const serve = (release: number) =>
    instances.map((one) => ({ ...succeededAt(1, release), id: one }))
  const release = core.command?.purpose === 'restore' || core.repair !== null ? 1 : 2
  return {
    'requested (redeploy)': { kind: 'requested', request, id: 'request' },
    'operated (rollback)': { ...operated, command: { kind: 'rollback', to: null } },
    'operated (cancel)': { ...operated, command: { kind: 'cancel' } },
    'operated (freeze)': { ...operated, command: { kind: 'freeze', reason: 'exams' } },
    alarmed: { kind: 'alarmed', transition: alarm, windowSeconds: 600 },
    declined: { kind: 'declined', reason: 'nothing_live' },
    brought_back: { kind: 'brought_back' },
    opening_gathered: { kind: 'opening_gathered', opening: openingOf(3, 2) },
    instances_found: {
      kind: 'instances_found',
      candidates: [candidateAt(1), candidateAt(2), candidateAt(3)],
      capacities: [50],
      scan: null,
    },
    polled: { kind: 'polled', prepared: [1, 2, 3].map(instanceAt), by: 'ada' },
    sent: { kind: 'sent', fence, operation: 'command-2', missing: [] },
    'answered (all succeeded)': { kind: 'answered', fence, answers: serve(release) },
    'answered (one failed)': {
      kind: 'answered',
      fence,
      answers: instances.map((one) => ({ ...failedAt(1), id: one })),
    },
    archived: { kind: 'archived', generation, windowSeconds: 600 },
    notice_claimed: { kind: 'notice_claimed', id },
    notice_sent: { kind: 'notice_sent', outcome: { ...notice, id } },
  }
}

/** The events that follow, or why the input is refused; null where nothing follows. */
const tellEvents = (core: Core, observation: Observation): string | null => {
  const decided = decide(core.stored, observation, after(5))
  if (!decided.ok) return `refused: \`${decided.error}\``
  return decided.value.map(({ kind }) => `\`${kind}\``).join(', ') || null
}

/** One row where the same follows in every state. */
const renderTable = (): readonly string[] => {
  const cells = Object.entries(states).flatMap(([state, reach]) => {
    const core = reach()
    return Object.entries(observe(core)).map(([input, observation]) => ({
      state,
      input,
      events: tellEvents(core, observation),
    }))
  })
  const everywhere = cells.filter(({ input, events }) =>
    cells.every((one) => one.input !== input || one.events === events),
  )
  const shared = everywhere.filter(({ state }) => state === everywhere[0]?.state)
  const own = cells.filter((cell) => !everywhere.includes(cell))
  return [...shared.map((cell) => ({ ...cell, state: 'any' })), ...own].flatMap(
    ({ state, input, events }) => (events === null ? [] : [`| ${state} | ${input} | ${events} |`]),
  )
}

it('ARCHITECTURE.md lists the events that follow from each input in each state', () => {
  expect(rowsOf('ARCHITECTURE.md', 'What follows from what')).toEqual(renderTable())
})
