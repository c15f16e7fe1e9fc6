import { expect, it } from 'vitest'
import { originOf } from '../../../src/deployment/origin.ts'
import type { Revision } from '../../../src/deployment/revision.ts'
import { appOf } from '../../support/apps.ts'
import { revisionAt } from '../../support/deployments.ts'
import { originAt } from '../../support/examples.ts'

const [given] = Object.values(revisionAt(1).ci)
if (given === undefined) throw new Error('no run')
const runAt = (index: number, workflow: string) => ({ ...given, workflow, origin: originAt(index) })

const revision: Revision = {
  ...revisionAt(1),
  push: null,
  image: null,
  ci: { 'github:A': runAt(1, 'A'), 'github:B': runAt(2, 'B') },
}
const appFor = (...workflows: readonly string[]) =>
  appOf('shop', {
    requires: workflows.map((workflow) => ({ kind: 'ci', ci: 'github', workflow })),
  })

it('takes what a commit is from the first run that the app requires', () => {
  expect(originOf(appFor('B', 'A'), revision)).toEqual(originAt(2))
  expect(originOf(appFor('A', 'B'), revision)).toEqual(originAt(1))
})

it('takes nothing from a run that the app does not require', () => {
  expect(originOf(appFor('C'), revision)).toBeNull()
})

it('takes it from any run where landfall.yml has the app no more', () => {
  expect(originOf(null, revision)).toEqual(originAt(1))
})
