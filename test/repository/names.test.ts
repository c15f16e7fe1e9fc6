import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  findImports,
  findLongestChain,
  findLongFunctions,
  findSharedNames,
  findTopLevelNames,
  product,
  readFiles,
} from '../support/source-files.ts'

const files = readFiles('.', product)

/** Names that several files declare on purpose. */
const shared: Readonly<Record<string, string>> = {
  handler: 'what serverless.yml names in each file of handlers/',
  compose: 'the services of one function, in each file of handlers/',
}

const mostNamesPerThousandLines = 85
const longestChain = 16

test('declares each top-level name of src and handlers in one file', () => {
  const others = findSharedNames(files).filter(([name]) => shared[name] === undefined)
  expect(others.map(([name, paths]) => `${name}: ${paths.join(' ')}`)).toEqual([])
})

test('has no function of more than 40 lines', () => {
  expect(files.flatMap(findLongFunctions)).toEqual([])
})

test(`declares at most ${mostNamesPerThousandLines} top-level names per 1,000 lines`, () => {
  const lines = files.reduce((sum, file) => sum + file.lines.length, 0)
  const names = files.reduce((sum, file) => sum + findTopLevelNames(file).size, 0)
  expect((names / lines) * 1000).toBeLessThanOrEqual(mostNamesPerThousandLines)
})

test(`has no import chain of more than ${longestChain} files`, () => {
  expect(findLongestChain(files, true).length).toBeLessThanOrEqual(longestChain)
})

/** The numbered list below a heading of ARCHITECTURE.md. */
const readWay = (heading: string): readonly string[] => {
  const [, section = ''] = readFileSync('ARCHITECTURE.md', 'utf8').split(`### ${heading}\n`)
  const [list = ''] = section.split(/^#/m)
  return [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, path = '']) => path)
}

const importsOf = (path: string): readonly string[] =>
  files.filter((file) => file.path === path).flatMap((file) => findImports(file, true))

describe.each([
  ['From a webhook to the command on the instance', 20],
  ['From an alarm to the release before', 15],
])('the files of ARCHITECTURE.md: %s', (heading, most) => {
  const way = readWay(heading)

  test(`are ${most} at most, each of which exists`, () => {
    expect(way.length).toBeGreaterThan(5)
    expect(way.length).toBeLessThanOrEqual(most)
    const known = new Set(files.map(({ path }) => path))
    expect(way.filter((path) => !known.has(path))).toEqual([])
  })

  test('follow each other by imports; only a function begins anew', () => {
    const unreached = way.filter(
      (path, index) =>
        !path.startsWith('handlers/') &&
        !way.slice(0, index).some((earlier) => importsOf(earlier).includes(path)),
    )
    expect(unreached).toEqual([])
  })
})
