import { describe, expect, it } from 'vitest'
import { createHead, goesOn } from '../../../src/deployment/head.ts'
import { deploymentOf, begin, lettings, openedBy, openingOf } from '../../support/deployments.ts'

describe('an app that nothing was heard of', () => {
  it('has nothing live, open, asked for, frozen or owed', () => {
    expect(createHead(lettings.name)).toEqual({
      app: 'oc-lettings',
      version: 0,
      generation: 0,
      deployment: null,
      releases: [],
      request: null,
      takeBack: null,
      freeze: null,
      quarantine: [],
      finished: [],
      alarmsUntil: null,
      owed: [],
      operations: [],
      places: [],
      mark: null,
      watch: null,
    })
  })
})

describe('the failure of one instance', () => {
  it.each([
    ['deploy', false],
    ['redeploy', false],
    ['rollback', true],
    ['converge', true],
  ] as const)('in a %s: do the others still get theirs? %s', (kind, expected) => {
    const open = deploymentOf(openedBy(begin(), openingOf(1, 1)))
    expect(goesOn({ ...open, kind })).toBe(expected)
  })
})
