import { describe, expect, it } from 'vitest'
import type { App, Requirement } from '../../../src/deployment/app.ts'
import { isCiGreen, orderOf } from '../../../src/deployment/choose.ts'
import {
  compareOrders,
  type CiEvidence,
  type PushOrder,
  type Revision,
} from '../../../src/deployment/revision.ts'
import type { SeenHooks } from '../../../src/deployment/seen.ts'
import { addSeconds } from '../../../src/kernel/clock.ts'
import { begin, live, takeBack, type Core } from '../../support/core.ts'
import { after, lettings, openingOf, revisionAt, start } from '../../support/deployments.ts'
import { commitAt, digestAt, orderAt } from '../../support/examples.ts'

const freeze = { kind: 'freeze', reason: 'exams' } as const

const github: Requirement = { kind: 'ci', ci: 'github', workflow: 'CI' }
const circle: Requirement = { kind: 'ci', ci: 'circleci', workflow: 'build' }
const lint: Requirement = { kind: 'ci', ci: 'github', workflow: 'lint' }

const ci = (index: number, changes: Partial<CiEvidence>): Pick<Revision, 'ci'> => {
  const run = revisionAt(index).ci['github:CI']
  if (run === undefined) throw new Error('no run')
  return { ci: { 'github:CI': { ...run, ...changes } } }
}

const standing = (
  revision: Revision,
  core: Core = begin(),
  seconds = 0,
  seen: SeenHooks = {},
  app = lettings,
) => core.at(seconds).standing(revision, seen, app)

/** The mark is at this order. */
const passed = (order: PushOrder): Core =>
  begin()
    .open(openingOf(2, 0, { order }))
    .archive()

const endedAs = (status: string, reason: string, lacked: readonly string[] | null = null) => ({
  kind: 'ended',
  status,
  reason,
  lacked,
})

describe('a waiting revision', () => {
  it('has a revision ready once its CI is green', () => {
    expect(standing(revisionAt(3))).toEqual({ kind: 'ready', order: orderAt(3) })
  })

  it('lists the required evidence that a revision lacks', () => {
    expect(standing(revisionAt(3, { ci: {} }))).toEqual({
      kind: 'lacking',
      what: ['github workflow CI'],
    })
  })

  it('refuses a revision whose CI is red', () => {
    const red = revisionAt(3, ci(3, { conclusion: 'failure' }))
    expect(standing(red)).toEqual(endedAs('refused', 'ci_failed'))
  })

  it('requires each of two workflow files of the required name to be green', () => {
    const [run] = Object.values(revisionAt(3).ci)
    if (run === undefined) throw new Error('no run')
    const other = { ...run, workflowId: '.github/workflows/nightly.yml', runNumber: 500 }
    const both = (changes: Partial<CiEvidence>): Revision =>
      revisionAt(3, { ci: { 'github:CI': { ...run, ...changes }, another: other } })
    expect(standing(both({ conclusion: 'failure' }))).toEqual(endedAs('refused', 'ci_failed'))
    expect(isCiGreen(lettings, both({ conclusion: 'failure' }))).toBe(false)
    expect(isCiGreen(lettings, both({}))).toBe(true)
    expect(standing(both({}))).toEqual({ kind: 'ready', order: orderAt(3) })
  })

  it('supersedes a revision at or below the mark, also while it lacks something else', () => {
    const superseded = endedAs('superseded', 'superseded')
    expect(standing(revisionAt(3), live(1, 3))).toEqual(superseded)
    expect(standing(revisionAt(2), live(1, 3))).toEqual(superseded)
    const red = revisionAt(2, ci(2, { conclusion: 'failure' }))
    expect(standing(red, live(1, 3))).toEqual(superseded)
    expect(standing(revisionAt(4), live(1, 3)).kind).toBe('ready')
  })

  it('refuses a revision whose commit or digest is quarantined', () => {
    const quarantined = takeBack(begin(), openingOf(3, 1))
    expect(quarantined.quarantine).toEqual([commitAt(3), digestAt(3)])
    const { ci: later } = ci(3, { createdAt: after(1) })
    for (const revision of [
      revisionAt(3, { ci: later, digest: digestAt(4) }),
      revisionAt(4, { ci: later, digest: digestAt(3) }),
    ])
      expect(standing(revision, quarantined)).toEqual(endedAs('refused', 'quarantined'))
    const other = revisionAt(4, { ci: later })
    expect(standing(other, quarantined).kind).toBe('ready')
  })

  it('leaves a revision alone while it is deployed', () => {
    const open = begin().open(openingOf(3, 1))
    expect(standing(revisionAt(3), open)).toEqual({ kind: 'open' })
  })

  it('expires a revision when what it lacks does not come in time', () => {
    const lacking = revisionAt(3, { ci: {} })
    expect(standing(lacking, begin(), 3599).kind).toBe('lacking')
    expect(standing(lacking, begin(), 3600)).toEqual(
      endedAs('expired', 'wait_expired', ['github workflow CI']),
    )
  })

  it('asks for the image of a revision once more before it expires', () => {
    const asked = (seconds: number) => ({ at: after(seconds), count: 9, retryAt: null })
    const missing = revisionAt(3, { digest: null, asked: asked(3300) })
    expect(standing(missing, begin(), 3600).kind).toBe('ready')
    const askedAgain = revisionAt(3, { digest: null, asked: asked(3599) })
    expect(standing(askedAgain, begin(), 3600)).toMatchObject({
      reason: 'wait_expired',
      lacked: ['image'],
    })
    const refused = { ...askedAgain, reason: 'registry_unauthorized' } as const
    expect(standing(refused, begin(), 3600)).toMatchObject({
      lacked: ['image (registry_unauthorized)'],
    })
    const answered = { ...askedAgain, reason: 'image_missing' } as const
    expect(standing(answered, begin(), 3600)).toMatchObject({ lacked: ['image'] })
  })

  it('does not expire a revision whose image is there, however long it has waited', () => {
    expect(standing(revisionAt(3), begin(), 3600).kind).toBe('ready')
    const asked = { at: after(3599), count: 9, retryAt: null }
    expect(standing(revisionAt(3, { asked }), begin(), 3600).kind).toBe('ready')
  })

  it('does not expire a revision while the app is frozen or another deployment is open', () => {
    const lacking = revisionAt(3, { ci: {} })
    expect(standing(lacking, begin().say(freeze), 9999).kind).toBe('lacking')
    const open = begin().open(openingOf(1, 1))
    expect(standing(lacking, open, 9999).kind).toBe('lacking')
  })

  it("restarts a revision's wait from the evidence that brought it back", () => {
    const revived = revisionAt(3, { ci: {}, waitingSince: after(3600) })
    expect(standing(revived, begin(), 7199).kind).toBe('lacking')
  })
})

describe('a commit whose CI is green, where push events come in', () => {
  const { createdAt } = orderAt(3)
  const pushed = (seconds: number) => ({
    push: { kind: 'push', pushedAt: addSeconds(createdAt, seconds), origin: null } as const,
  })
  const seenPush = (seconds = 0) => ({ 'github:push': addSeconds(start, -seconds) })
  const ready = { kind: 'ready', order: orderAt(3) }
  const lacking = { kind: 'lacking', what: ['a push to main'] }

  it.each([
    ['was pushed to the branch', pushed(-2), ready],
    ['was pushed, and its run came late', pushed(-3600), ready],
    ['was never pushed to the branch, but a tag of that name was', {}, lacking],
    ['was pushed long ago, and has a run of today by such a tag', pushed(-3601), lacking],
    [
      'lacks its run, too',
      { ci: {} },
      { ...lacking, what: [...lacking.what, 'github workflow CI'] },
    ],
    ['lacks only its run', { ...pushed(0), ci: {} }, { ...lacking, what: ['github workflow CI'] }],
  ])('judges a green commit by its push where it %s', (_what, changes, expected) => {
    expect(standing(revisionAt(3, changes), begin(), 0, seenPush())).toEqual(expected)
  })

  it.each([
    ['a run that is as old as its push', -60, 'ready'],
    ['a late run', -61, 'lacking'],
  ])(
    'counts a run by its age where something newer went out since its push: %s',
    (_what, seconds, kind) => {
      // Pushed after this commit, and opened before its run of today was made.
      const mark = { createdAt: addSeconds(createdAt, -0.5), number: 2 }
      const one = revisionAt(3, pushed(seconds))
      expect(standing(one, passed(mark), 0, seenPush()).kind).toBe(kind)
      expect(standing(one, begin(), 0, seenPush()).kind).toBe('ready')
    },
  )

  it('counts a late run where the release since was pushed before', () => {
    const late = revisionAt(3, pushed(-100))
    const older = { createdAt: addSeconds(createdAt, -101), number: 2 }
    expect(standing(late, passed(older), 0, seenPush())).toEqual(ready)
    const same = { createdAt: addSeconds(createdAt, -100), number: 2 }
    expect(standing(late, passed(same), 0, seenPush())).toEqual(lacking)
  })

  it('counts a push whatever the age of its run at CircleCI', () => {
    const app = { ...lettings, requires: [github, circle] }
    const { ci: own } = revisionAt(3)
    const [run] = Object.values(own)
    if (run === undefined) throw new Error('no run')
    const pipeline = { ...run, ci: 'circleci', workflow: 'build' } as const
    const late = { ...pipeline, createdAt: addSeconds(createdAt, 9999) }
    const both = revisionAt(3, { ...pushed(-2), ci: { ...own, 'circleci:build': late } })
    expect(standing(both, begin(), 0, seenPush(), app)).toEqual(ready)
  })

  it('counts a green commit without a push where no push event ever came, or none for 90 days', () => {
    expect(standing(revisionAt(3))).toEqual(ready)
    expect(standing(revisionAt(3), begin(), 0, { 'github:workflow_run': start })).toEqual(ready)
    const day = 86_400
    expect(standing(revisionAt(3), begin(), 0, seenPush(90 * day - 1))).toEqual(lacking)
    expect(standing(revisionAt(3), begin(), 0, seenPush(90 * day))).toEqual(ready)
  })

  it('counts a green commit without a push where CircleCI distinguishes tags from branches', () => {
    const app = { ...lettings, requires: [circle] }
    const [run] = Object.values(revisionAt(3).ci)
    if (run === undefined) throw new Error('no run')
    const green = revisionAt(3, {
      ci: { 'circleci:build': { ...run, ci: 'circleci', workflow: 'build' } },
    })
    expect(standing(green, begin(), 0, seenPush(), app)).toEqual(ready)
  })

  it('refuses a commit whose CI is red, whatever started the run', () => {
    const red = revisionAt(3, ci(3, { conclusion: 'failure' }))
    expect(standing(red, begin(), 0, seenPush())).toMatchObject({ reason: 'ci_failed' })
  })

  it('expires a green commit whose push does not come', () => {
    const late = standing(revisionAt(3), begin(), 3600, seenPush())
    expect(late).toMatchObject({ status: 'expired', reason: 'wait_expired' })
  })
})

describe('the CI of a revision is green', () => {
  const app = { ...lettings, requires: [github, lint, { kind: 'image' as const }] }
  const [run] = Object.values(revisionAt(3).ci)
  const withLint = (conclusion: CiEvidence['conclusion']) =>
    revisionAt(3, {
      ci: {
        ...revisionAt(3).ci,
        ...(run && { 'github:lint': { ...run, workflow: 'lint', conclusion } }),
      },
    })

  it('has green CI where every workflow that the app requires ended well', () => {
    expect(isCiGreen(app, withLint('success'))).toBe(true)
    expect(isCiGreen(app, withLint('failure'))).toBe(false)
    expect(isCiGreen(app, revisionAt(3))).toBe(false)
  })

  it('has green CI where the app requires none', () => {
    expect(isCiGreen({ ...app, requires: [{ kind: 'image' }] }, revisionAt(3, { ci: {} }))).toBe(
      true,
    )
  })
})

describe('the order of a revision', () => {
  it('orders a revision by the first required CI entry', () => {
    const both = { ...lettings, requires: [circle, github] }
    expect(orderOf(both, revisionAt(3))).toBeNull()
    expect(orderOf({ ...both, requires: [github, circle] }, revisionAt(3))).toEqual(orderAt(3))
    const other = { ...both, requires: [github, circle] }
    const gated = standing(revisionAt(3), begin(), 0, {}, other)
    expect(gated).toEqual({ kind: 'lacking', what: ['circleci workflow build'] })
  })

  it('orders a revision by the time it was first seen where no CI is required', () => {
    const image = { ...lettings, requires: [{ kind: 'image' as const }] }
    const order = orderOf(image, revisionAt(3, { firstSeenAt: after(7) }))
    expect(order).toEqual({ createdAt: after(7), number: 0 })
  })
})

describe('the choice of a revision', () => {
  const chosen = (revisions: readonly Revision[], seconds = 0, core = begin()) =>
    core.at(seconds).choice(revisions)

  it('chooses the newest revision, by the creation of the run and then its number', () => {
    const { open, ask } = chosen([revisionAt(3), revisionAt(5), revisionAt(4), revisionAt(2)])
    expect(open).toEqual({ revision: revisionAt(5), digest: digestAt(5), order: orderAt(5) })
    expect(ask).toBeNull()
  })

  it('passes over a revision that waits or is red, which supersedes nothing', () => {
    const red = revisionAt(5, ci(5, { conclusion: 'failure' }))
    const { open, ended } = chosen([revisionAt(3), red, revisionAt(6, { ci: {} })])
    expect(open?.revision.id).toBe(commitAt(3))
    expect(ended.map(({ revision, reason }) => [revision.id, reason])).toEqual([
      [commitAt(5), 'ci_failed'],
    ])
  })

  it('asks the registry for the newest revision before it deploys an older one', () => {
    const unknown = revisionAt(5, { digest: null, asked: null })
    expect(chosen([revisionAt(3), unknown])).toEqual({
      ended: [],
      ask: unknown,
      open: null,
      rest: null,
    })
  })

  it.each([
    [1, 15],
    [2, 30],
    [3, 60],
    [4, 120],
    [5, 240],
    [6, 300],
    [20, 300],
  ])(
    'asks again, after %i times, %i s later and lets an older one pass until then',
    (count, gap) => {
      const asked = revisionAt(5, { digest: null, asked: { at: start, count, retryAt: null } })
      expect(chosen([revisionAt(3), asked], gap - 1).open?.revision.id).toBe(commitAt(3))
      expect(chosen([revisionAt(3), asked], gap).ask).toBe(asked)
    },
  )

  it('asks the registry at once where it has announced the image since', () => {
    const hint = (at: string) => ({ kind: 'image' as const, tag: 'x', seenAt: at, origin: null })
    const asked = { digest: null, asked: { at: after(5), count: 6, retryAt: null } }
    const newer = revisionAt(5, { ...asked, image: hint(after(6)) })
    expect(chosen([newer], 6).ask).toBe(newer)
    for (const seconds of [4, 5]) {
      const older = revisionAt(5, { ...asked, image: hint(after(seconds)) })
      expect(chosen([older], 6).ask).toBeNull()
    }
  })

  it('does not ask before the time that the registry has named, whatever it has announced since', () => {
    const asked = { digest: null, asked: { at: start, count: 1, retryAt: after(600) } }
    const image = { kind: 'image', tag: 'x', seenAt: after(60), origin: null } as const
    for (const revision of [revisionAt(5, asked), revisionAt(5, { ...asked, image })]) {
      expect(chosen([revision], 599).ask).toBeNull()
      expect(chosen([revision], 600).ask).toBe(revision)
    }
  })

  it('lets 100 commits wait of which only a push of their image tells, and expires the older ones', () => {
    const image = (index: number) => ({
      kind: 'image' as const,
      tag: commitAt(index),
      seenAt: after(index),
      origin: null,
    })
    const claimed = Array.from({ length: 103 }, (_, index) =>
      revisionAt(index, {
        ci: {},
        image: image(index),
        digest: null,
        asked: null,
        waitingSince: after(index),
      }),
    )
    const green = revisionAt(200)
    const { ended, open } = begin()
      .at(200)
      .choice([...claimed, green])
    expect(ended.map(({ revision, status, reason }) => [revision.id, status, reason])).toEqual(
      [2, 1, 0].map((index) => [commitAt(index), 'expired', 'wait_expired']),
    )
    expect(open?.revision).toBe(green)
  })

  it('chooses nothing while the app is frozen or a deployment is open; ended revisions still end', () => {
    const passed = live(1, 2)
    for (const busy of [passed.say(freeze), passed.open(openingOf(3, 1))]) {
      const { open, ask, ended } = chosen([revisionAt(2), revisionAt(7)], 0, busy)
      expect([open, ask]).toEqual([null, null])
      expect(ended.map(({ status }) => status)).toEqual(['superseded'])
    }
  })
})

describe('asking GitHub for a run that no hook has brought', () => {
  const app: App = {
    ...lettings,
    reports: { github: 'landfall/github', githubDescription: 'reason', notice: null, sentry: null },
  }
  const lacking = (index: number, changes: Partial<Revision> = {}): Revision =>
    revisionAt(index, { ci: {}, ...changes })

  const lost = (
    revisions: readonly Revision[],
    seconds = 60,
    changes: Partial<App> = {},
    core = begin(),
  ) =>
    core
      .at(seconds)
      .lost(revisions, { ...app, ...changes })
      .map(({ id }) => id)

  it('asks GitHub for a run once a commit has lacked it for a minute', () => {
    expect(lost([lacking(1)], 59)).toEqual([])
    expect(lost([lacking(1)])).toEqual([commitAt(1)])
    expect(lost([lacking(1)], 60, { repository: null })).toEqual([])
  })

  it.each([
    [1, 120],
    [2, 240],
    [3, 480],
    [4, 600],
    [9, 600],
  ])('asks GitHub again, after %i times, %i s later', (count, seconds) => {
    const asked = { at: after(60), count, retryAt: null, trouble: null }
    const revision = lacking(1, { lookedUp: asked })
    expect(lost([revision], 59 + seconds)).toEqual([])
    expect(lost([revision], 60 + seconds)).toEqual([commitAt(1)])
    const later = lacking(1, { lookedUp: { ...asked, retryAt: after(1200) } })
    expect(lost([later], 1199)).toEqual([])
    expect(lost([later], 1200)).toEqual([commitAt(1)])
  })

  it('does not ask GitHub about a commit that is refused, superseded, or lacks nothing of GitHub', () => {
    const requires = [github, lint]
    const failed = revisionAt(2, ci(2, { conclusion: 'failure' }))
    expect(lost([failed], 60, { requires })).toEqual([])
    expect(lost([revisionAt(2)], 60, { requires })).toEqual([commitAt(2)])
    expect(lost([revisionAt(2)])).toEqual([])
    const newer = live(1, 4)
    expect(compareOrders(orderAt(2), orderAt(4))).toBeLessThan(0)
    expect(lost([revisionAt(2)], 60, { requires }, newer)).toEqual([])
    expect(lost([lacking(1, { commit: null })])).toEqual([])
  })

  it('does not ask GitHub about a commit that lacks only a run of another CI', () => {
    const requires = [github, circle]
    expect(lost([revisionAt(1)], 60, { requires })).toEqual([])
  })

  it('asks GitHub about no more than the five newest commits', () => {
    const all = [3, 1, 6, 2, 5, 4].map((index) => lacking(index, { firstSeenAt: after(index) }))
    expect(lost(all)).toEqual([6, 5, 4, 3, 2].map(commitAt))
  })
})

describe('the choice for an app that a person deploys', () => {
  const manual = { ...lettings, deploy: 'manual' } as const
  const choose = (revisions: readonly Revision[], app: App = manual, core = begin()) =>
    core.at(0).choice(revisions, app)
  const ids = ({ ended }: ReturnType<typeof choose>) =>
    ended.map(({ revision, status }) => `${revision.id} ${status}`)

  it('lets the newest deployable revision wait, and supersedes the older deployable ones', () => {
    const lacking = revisionAt(2, { ci: {} })
    const red = revisionAt(6, ci(6, { conclusion: 'failure' }))
    const choice = choose([revisionAt(3), revisionAt(5), lacking, revisionAt(4), red])
    expect(choice).toMatchObject({ rest: revisionAt(5), ask: null, open: null })
    expect(new Set(ids(choice))).toEqual(
      new Set([`${commitAt(3)} superseded`, `${commitAt(4)} superseded`, `${commitAt(6)} refused`]),
    )
  })

  it('asks for the image of a revision before it waits for a person', () => {
    const unknown = revisionAt(3, { digest: null, asked: null })
    expect(choose([unknown])).toMatchObject({ ask: unknown, rest: null, open: null })
  })

  it('lets an older revision wait while the newest has no image', () => {
    const missing = revisionAt(5, { digest: null })
    const choice = choose([missing, revisionAt(3)])
    expect(choice).toMatchObject({ rest: revisionAt(3), ended: [] })
  })

  it('never opens a revision that waits for a person, also where the app is automatic again', () => {
    const waiting = revisionAt(3, { reason: 'manual' })
    const alone = choose([waiting, revisionAt(2)], lettings)
    expect(alone).toMatchObject({ rest: waiting, open: null })
    expect(ids(alone)).toEqual([`${commitAt(2)} superseded`])
    const { open, rest } = choose([waiting, revisionAt(4)], lettings)
    expect([open?.revision.id, rest]).toEqual([commitAt(4), null])
  })

  it('lets no revision expire that waits for a person, also where more is required since', () => {
    const waiting = revisionAt(3, { reason: 'manual', ci: {} })
    const late = begin().at(lettings.waitForSeconds + 3600)
    expect(late.choice([waiting], manual)).toMatchObject({ ended: [] })
    expect(ids(late.choice([revisionAt(3, { ci: {} })], manual))).toEqual([
      `${commitAt(3)} expired`,
    ])
  })

  it('judges no revision of a frozen app', () => {
    const frozen = begin().say(freeze)
    expect(choose([revisionAt(3), revisionAt(2)], manual, frozen)).toEqual({
      ended: [],
      ask: null,
      open: null,
      rest: null,
    })
  })
})
