import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Head } from '../../../src/deployment/head.ts'
import { listLost } from '../../../src/deployment/look-up.ts'
import type { Revision } from '../../../src/deployment/revision.ts'
import { after, begin, lettings, revisionAt, start } from '../../support/deployments.ts'
import { commitAt, orderAt } from '../../support/rollout-world.ts'

const app: App = {
  ...lettings,
  reports: { github: 'landfall/github', notice: null, sentry: null },
}
const lacking = (index: number, changes: Partial<Revision> = {}): Revision =>
  revisionAt(index, { ci: {}, ...changes })

const lost = (
  revisions: readonly Revision[],
  at = after(60),
  changes: Partial<App> = {},
  head: Head = begin().head,
) => listLost(head, { ...app, ...changes }, revisions, {}, at).map(({ id }) => id)

describe('a run that GitHub is asked for', () => {
  it('is one that a commit has lacked for a minute', () => {
    expect(lost([lacking(1)], after(59))).toEqual([])
    expect(lost([lacking(1)])).toEqual([commitAt(1)])
    expect(lost([lacking(1)], after(60), { repository: null })).toEqual([])
  })

  it.each([
    [1, 120],
    [2, 240],
    [3, 480],
    [4, 600],
    [9, 600],
  ])('is asked for again, after %i times, %i s later', (count, seconds) => {
    const asked = { at: after(60), count, retryAt: null, trouble: null }
    const revision = lacking(1, { lookedUp: asked })
    expect(lost([revision], after(59 + seconds))).toEqual([])
    expect(lost([revision], after(60 + seconds))).toEqual([commitAt(1)])
    const later = lacking(1, { lookedUp: { ...asked, retryAt: after(1200) } })
    expect(lost([later], after(1199))).toEqual([])
    expect(lost([later], after(1200))).toEqual([commitAt(1)])
  })

  it('is none of a commit that is out of the race, or has all that it needs of GitHub', () => {
    const mark = { createdAt: start, number: 9 }
    const red = revisionAt(2).ci['github:CI']
    if (red === undefined) throw new Error('no run')
    const requires: App['requires'] = [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'github', workflow: 'lint' },
    ]
    const failed = revisionAt(2, { ci: { 'github:CI': { ...red, conclusion: 'failure' } } })
    expect(lost([failed], after(60), { requires })).toEqual([])
    expect(lost([revisionAt(2)], after(60), { requires })).toEqual([commitAt(2)])
    expect(lost([revisionAt(2)])).toEqual([])
    const passed = begin({ mark }).head
    expect(orderAt(2).createdAt < mark.createdAt).toBe(true)
    expect(lost([revisionAt(2)], after(60), { requires }, passed)).toEqual([])
    expect(lost([lacking(1, { commit: null })])).toEqual([])
  })

  it('is none where another CI is lacking', () => {
    const requires: App['requires'] = [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'circleci', workflow: 'build' },
    ]
    expect(lost([revisionAt(1)], after(60), { requires })).toEqual([])
  })

  it('is one of the five newest', () => {
    const all = [3, 1, 6, 2, 5, 4].map((index) => lacking(index, { firstSeenAt: after(index) }))
    expect(lost(all)).toEqual([6, 5, 4, 3, 2].map(commitAt))
  })
})
