import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { compareOrders, type Revision } from '../../../src/deployment/revision.ts'
import { begin, live } from '../../support/core.ts'
import { after, lettings, revisionAt } from '../../support/deployments.ts'
import { commitAt, orderAt } from '../../support/examples.ts'

const app: App = {
  ...lettings,
  reports: { github: 'landfall/github', notice: null, sentry: null },
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

describe('asking GitHub for a run that no hook has brought', () => {
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
    const red = revisionAt(2).ci['github:CI']
    if (red === undefined) throw new Error('no run')
    const requires: App['requires'] = [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'github', workflow: 'lint' },
    ]
    const failed = revisionAt(2, { ci: { 'github:CI': { ...red, conclusion: 'failure' } } })
    expect(lost([failed], 60, { requires })).toEqual([])
    expect(lost([revisionAt(2)], 60, { requires })).toEqual([commitAt(2)])
    expect(lost([revisionAt(2)])).toEqual([])
    const passed = live(1, 4)
    expect(compareOrders(orderAt(2), orderAt(4))).toBeLessThan(0)
    expect(lost([revisionAt(2)], 60, { requires }, passed)).toEqual([])
    expect(lost([lacking(1, { commit: null })])).toEqual([])
  })

  it('does not ask GitHub about a commit that lacks only a run of another CI', () => {
    const requires: App['requires'] = [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'circleci', workflow: 'build' },
    ]
    expect(lost([revisionAt(1)], 60, { requires })).toEqual([])
  })

  it('asks GitHub about no more than the five newest commits', () => {
    const all = [3, 1, 6, 2, 5, 4].map((index) => lacking(index, { firstSeenAt: after(index) }))
    expect(lost(all)).toEqual([6, 5, 4, 3, 2].map(commitAt))
  })
})
