import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const page = readFileSync('docs/threat-model.md', 'utf8')
const roles = readFileSync('packaging/roles.yml', 'utf8')

/** `path`, _title_: a test that shows what the page says. */
const cited = [...page.matchAll(/`(test\/[^`]+\.ts)`,\s+_([^_]+)_/g)].map(
  ([, file = '', title = '']) => [file, title] as const,
)

describe('the threat model', () => {
  test('the threat model cites tests', () => {
    expect(cited.length).toBeGreaterThan(20)
  })

  test.each(cited)('%s has the test "%s"', (file, title) => {
    expect(readFileSync(file, 'utf8').includes(title)).toBe(true)
  })

  test('the threat model cites only existing files', () => {
    const paths = [...page.matchAll(/`((?:test|packaging|src|host)\/[^`]+)`/g)].map(
      ([, path = '']) => path,
    )
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
  })

  test('the threat model describes every function with a role', () => {
    const functions = [...roles.matchAll(/^ {2}(\w+)Role:$/gm)].map(([, name = '']) =>
      name.toLowerCase(),
    )
    expect(functions.length).toBeGreaterThan(5)
    const section = page.slice(page.indexOf('## A function with a compromised role'))
    expect(functions.filter((name) => !section.includes(`\`${name}\``))).toEqual([])
  })
})
