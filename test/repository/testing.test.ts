import { existsSync, globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fastRules } from '../run/files.ts'

const page = readFileSync('docs/testing.md', 'utf8')
const [promises = '', larger = ''] = page.split('## What the full size adds')
const citedIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(([, file = '']) => file)),
]

test('docs/testing.md cites only existing tests', () => {
  expect(citedIn(page).filter((file) => !existsSync(file))).toEqual([])
})

test('docs/testing.md names the promise that each slow test file shows', () => {
  const slow = globSync('test/{host,end-to-end,repository}/*.test.ts').filter(
    (file) => !fastRules.includes(file),
  )
  const cited = citedIn(promises)
  expect(slow.length).toBeGreaterThan(30)
  expect(slow.filter((file) => !cited.includes(file))).toEqual([])
})

test('docs/testing.md lists the tests that do more in the full size, and no other', () => {
  // `operate` of a stage asks too (test/support/end-to-end.ts).
  const asks = /support\/size\.ts|LANDFALL_FAULTS|stage\.operate\(/
  const asking = globSync('test/{unit,property,contract,host,end-to-end}/**/*.test.ts').filter(
    (file) => asks.test(readFileSync(file, 'utf8')),
  )
  expect([...citedIn(larger)].toSorted()).toEqual(asking.toSorted())
})
