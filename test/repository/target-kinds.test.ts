import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { expect, test } from 'vitest'
import type { TargetSettings } from '../../src/deployment/app.ts'

const kinds: Readonly<Record<TargetSettings['kind'], true>> = {
  ec2: true,
  render: true,
  heroku: true,
}

/** A target's own folder with the one factory, and the configuration, which fills its traits in. */
const allowed = ['src/targets/', 'src/config/']

const isKind = (node: ts.Node): boolean => ts.isStringLiteralLike(node) && node.text in kinds

const equality = [
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
]

const isComparison = (node: ts.Node): boolean => {
  if (ts.isCaseClause(node)) return isKind(node.expression)
  if (ts.isCallExpression(node))
    return ts.isPropertyAccessExpression(node.expression) &&
      ['includes', 'has', 'startsWith'].includes(node.expression.name.text)
      ? [node.expression.expression, ...node.arguments].some(holdsKind)
      : false
  return (
    ts.isBinaryExpression(node) &&
    equality.includes(node.operatorToken.kind) &&
    (isKind(node.left) || isKind(node.right))
  )
}

const holdsKind = (node: ts.Node): boolean =>
  ts.isArrayLiteralExpression(node) ? node.elements.some(isKind) : isKind(node)

const comparisonsIn = (file: string, text: string): readonly string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (isComparison(node)) found.push(`${file}: ${node.getText().split('\n')[0]}`)
    node.forEachChild(visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

const files = ['src', 'handlers'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`)
    .filter((file) => !allowed.some((place) => file.startsWith(place))),
)

test('no file outside src/targets and src/config compares the kind of a target', () => {
  expect(files.length).toBeGreaterThan(100)
  expect(files.flatMap((file) => comparisonsIn(file, readFileSync(file, 'utf8')))).toEqual([])
})

test.each([
  "settings.kind === 'ec2'",
  "'render' !== target.kind",
  "switch (kind) { case 'heroku': }",
  "['ec2', 'render'].includes(kind)",
])('the search for compared kinds finds %s', (text) => {
  expect(comparisonsIn('x.ts', text)).toHaveLength(1)
})

test('the search for compared kinds ignores two compared kinds, types and names', () => {
  const text =
    "a.kind === b.kind; const x = { kind: 'ec2' }; createByKind({ render: f }); s === 'github'"
  expect(comparisonsIn('x.ts', text)).toEqual([])
})
