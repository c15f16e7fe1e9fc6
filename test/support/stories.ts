import * as fc from 'fast-check'
import type { App } from '../../src/deployment/app.ts'
import { addSeconds, type Instant } from '../../src/kernel/clock.ts'
import { AppName, newNonce } from '../../src/kernel/id.ts'
import { succeed } from '../../src/kernel/result.ts'
import { parseCircleciEvent } from '../../src/sources/circleci-event.ts'
import { parseGithubEvent } from '../../src/sources/github-event.ts'
import type { Parsed } from '../../src/sources/source.ts'
import { oauthBody } from './circleci-events.ts'
import { pushBody, runBody } from './github-events.ts'
import { commitAt, startOfTime } from './examples.ts'

export const commits = 10
export const indexes = Array.from({ length: commits }, (_, index) => index)
/** Commits are pushed 70 s apart, and their runs are made three seconds later. */
const pushedAt = (index: number): Instant =>
  addSeconds(new Date(startOfTime).toISOString(), index * 70)
export const createdAt = (index: number): Instant => addSeconds(pushedAt(index), 3)

type Color = 'success' | 'failure'

/** How one commit's CI ends, attempt after attempt, and whether its image is built. */
export interface Fate {
  readonly github: readonly Color[]
  readonly circleci: readonly Color[]
  readonly hasImage: boolean
}

export type Act =
  | { readonly kind: 'push'; readonly index: number }
  | { readonly kind: 'github' | 'circleci'; readonly index: number; readonly attempt: number }
  | { readonly kind: 'image'; readonly index: number }
  | { readonly kind: 'hint'; readonly index: number }
  /** A git tag called `main` on a commit, long after its push: GitHub makes a run of it. */
  | { readonly kind: 'tag'; readonly index: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'rollback' }

export interface Timed {
  readonly at: Instant
  readonly act: Act
  /** The nudge after it is lost. */
  readonly isUnheard: boolean
}

interface Mode {
  readonly requires: App['requires']
  readonly tag: string
}

const github = { kind: 'ci', ci: 'github', workflow: 'CI' } as const
const circleci = { kind: 'ci', ci: 'circleci', workflow: 'ci' } as const
const image = { kind: 'image' } as const

const modes = fc.record<Mode>({
  requires: fc.constantFrom(
    [github, image],
    [circleci, image],
    [github, circleci, image],
    [circleci, github, image],
  ),
  tag: fc.constantFrom('{commit}', 'latest'),
})

const colors = fc.array(fc.constantFrom<Color>('success', 'success', 'failure'), { maxLength: 3 })
const fates = fc.array(
  fc.record<Fate>({
    github: colors,
    circleci: colors,
    hasImage: fc.constantFrom(true, true, true, false),
  }),
  { minLength: commits, maxLength: commits },
)

/** The events of a commit that happen at least once, and may be repeated any time later. */
const actsOf = (index: number, { github: runs, circleci: pipelines, hasImage }: Fate): Act[] => [
  { kind: 'push', index },
  ...runs.map((_, attempt): Act => ({ kind: 'github', index, attempt })),
  ...pipelines.map((_, attempt): Act => ({ kind: 'circleci', index, attempt })),
  ...(hasImage ? [{ kind: 'image', index } as const] : []),
]

const delays = fc.oneof(fc.integer({ min: 3, max: 120 }), fc.integer({ min: 3, max: 2000 }))

const timed = (act: Act, from: Instant): fc.Arbitrary<readonly Timed[]> =>
  fc
    .array(fc.record({ delay: delays, isUnheard: fc.boolean() }), { minLength: 1, maxLength: 3 })
    .map((times) =>
      times
        // An image is pushed once; a body may come by several hooks and be replayed.
        .slice(0, act.kind === 'image' ? 1 : 3)
        .map(({ delay, isUnheard }) => ({ at: addSeconds(from, delay), act, isUnheard })),
    )

const anyTime = (act: Act, most: number, least = 0): fc.Arbitrary<readonly Timed[]> =>
  fc
    .array(fc.integer({ min: 0, max: 2700 }), { minLength: least, maxLength: most })
    .map((times) =>
      times.map((seconds) => ({ at: addSeconds(pushedAt(0), seconds), act, isUnheard: false })),
    )

const tags = fc.uniqueArray(fc.nat({ max: commits - 1 }), { maxLength: 2 }).map((list) =>
  list.map((index): Timed => {
    const at = addSeconds(pushedAt(index), 4000)
    return { at, act: { kind: 'tag', index }, isUnheard: false }
  }),
)

/** Ten commits, their events in any order, and a person in between. */
export const stories = fc.tuple(modes, fates, fc.boolean()).chain(([mode, all, isRolledBack]) =>
  fc
    .tuple(
      ...all.flatMap((fate, index) =>
        actsOf(index, fate).map((act) => timed(act, pushedAt(index))),
      ),
      ...indexes.map((index) => anyTime({ kind: 'hint', index }, 1)),
      anyTime({ kind: 'look' }, 12),
      isRolledBack ? anyTime({ kind: 'rollback' }, 1, 1) : fc.constant([]),
      tags,
    )
    .map((lists) => ({
      mode,
      fates: all,
      events: lists.flat().toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
    })),
)

export interface Story {
  readonly mode: Mode
  readonly fates: readonly Fate[]
  readonly events: readonly Timed[]
}

const epoch = (at: Instant): number => Math.floor(Date.parse(at) / 1000)

const readPush = (index: number) =>
  parseGithubEvent(
    'push',
    pushBody({
      after: commitAt(index),
      repository: { id: 1, full_name: 'acme/oc-lettings', pushed_at: epoch(pushedAt(index)) },
    }),
  )

const readRun = (index: number, changes: object) =>
  parseGithubEvent(
    'workflow_run',
    runBody({
      id: 1000 + index,
      head_sha: commitAt(index),
      run_number: 10 + index,
      created_at: createdAt(index),
      ...changes,
    }),
  )

/** A re-run is another workflow of the same pipeline. */
const readWorkflow = (index: number, attempt: number, color: Color | undefined) =>
  parseCircleciEvent(
    oauthBody({
      vcs: { revision: commitAt(index) },
      pipeline: { id: `pipeline-${index}`, number: 10 + index, created_at: createdAt(index) },
      workflow: {
        id: newNonce(),
        name: 'ci',
        created_at: addSeconds(createdAt(index), attempt * 20),
        status: color === 'success' ? 'success' : 'failed',
      },
    }),
  )

const readAct = (act: Act, { mode, fates }: Story, at: Instant) => {
  switch (act.kind) {
    case 'push':
      return readPush(act.index)
    case 'github': {
      const conclusion = fates[act.index]?.github[act.attempt]
      return readRun(act.index, { run_attempt: act.attempt + 1, conclusion })
    }
    case 'circleci':
      return readWorkflow(act.index, act.attempt, fates[act.index]?.circleci[act.attempt])
    case 'tag':
      return readRun(act.index, { id: 5000, run_number: 500 + act.index, created_at: at })
    case 'hint': {
      const tag = mode.tag.replace('{commit}', commitAt(act.index))
      const app = AppName.parse('oc-lettings')
      return succeed<Parsed>({
        kind: 'image',
        app,
        repository: 'acme/oc-lettings',
        tag,
        pushedAt: at,
      })
    }
    case 'image':
    case 'look':
    case 'rollback':
      return null
  }
}

/** The event that a sender makes of an act, through the product's own parser; null where it sends none. */
export const parseAct = (act: Act, story: Story, at: Instant): Parsed | null => {
  const read = readAct(act, story, at)
  if (read === null) return null
  if (!read.ok) throw new Error(`${act.kind} cannot be read`)
  return read.value
}
