import { existsSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { readThreats, toTests } from '../support/threats.ts'

const page = readFileSync('docs/threat-model.md', 'utf8')
const roles = readFileSync('packaging/roles.yml', 'utf8')

const threats = readThreats(page)

/** Also where the page speaks of a test outside of its tables. */
const cited = toTests(page).map(({ file, title }) => [file, title] as const)

/** The titles of the tests and groups that a file declares: text elsewhere, such as a comment, does not count. */
const listTitles = (file: string): ReadonlySet<string> => {
  const titles = new Set<string>()
  const rows: string[] = []
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      /^(?:test|it|describe)\b/.test(node.expression.getText(source))
    ) {
      const [title] = node.arguments
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text)
    }
    // A test called `%s` has its title in its row.
    if (ts.isArrayLiteralExpression(node)) {
      const [title] = node.elements
      if (title !== undefined && ts.isStringLiteralLike(title)) rows.push(title.text)
    }
    ts.forEachChild(node, visit)
  }
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest)
  visit(source)
  return new Set(titles.has('%s') ? [...titles, ...rows] : titles)
}

describe('the threat model', () => {
  test('the threat model cites tests', () => {
    expect(cited.length).toBeGreaterThan(20)
  })

  test.each(cited)('%s has the test "%s"', (file, title) => {
    expect([...listTitles(file)]).toContain(title)
  })

  test('each "cannot" names the test that would fail if it could, or says that none does', () => {
    expect(threats.length).toBeGreaterThan(30)
    const open = threats.filter(({ tests, notShown }) => tests.length === 0 && notShown === null)
    expect(open.map(({ attacker, cannot }) => `${attacker}: ${cannot}`)).toEqual([])
  })

  test('the threat model cites only existing files', () => {
    const paths = [...page.matchAll(/`((?:test|packaging|src|host)\/[^`]+)`/g)].map(
      ([, path = '']) => path,
    )
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
  })

  test('the threat model describes every function with a role', () => {
    const functions = [...roles.matchAll(/^ {2}(\w+)Role:$/gm)].map(([, name = '']) =>
      name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase(),
    )
    expect(functions.length).toBeGreaterThan(5)
    const section = page.slice(page.indexOf('## A function with a compromised role'))
    expect(functions.filter((name) => !section.includes(`\`${name}\``))).toEqual([])
  })
})
