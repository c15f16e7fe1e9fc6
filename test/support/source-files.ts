import { globSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import ts from 'typescript'

/** The folders of the product's own TypeScript. */
export const product = ['src', 'handlers', 'cli', 'page']

const longFunction = 40

export interface SourceFile {
  readonly path: string
  readonly source: ts.SourceFile
  readonly lines: readonly string[]
  readonly nodes: readonly ts.Node[]
}

const nodesBelow = (node: ts.Node): ts.Node[] => [
  node,
  ...node.getChildren().flatMap((child) => nodesBelow(child)),
]

export const readFiles = (root: string, folders: readonly string[]): readonly SourceFile[] =>
  globSync(
    folders.map((folder) => `${folder}/**/*.{ts,tsx,mts}`),
    { cwd: root },
  )
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
      return { path, source, lines: text.trimEnd().split('\n'), nodes: nodesBelow(source) }
    })

export const lineOf = ({ source }: SourceFile, position: number): number =>
  source.getLineAndCharacterOfPosition(position).line

const toNames = (name: ts.BindingName): readonly string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap((one) => (ts.isBindingElement(one) ? toNames(one.name) : []))

export const findTopLevelNames = ({ source }: SourceFile): ReadonlySet<string> =>
  new Set(
    source.statements.flatMap((statement) => {
      if (ts.isVariableStatement(statement))
        return statement.declarationList.declarations.flatMap(({ name }) => toNames(name))
      const isNamed =
        ts.isFunctionDeclaration(statement) ||
        ts.isClassDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement) ||
        ts.isEnumDeclaration(statement)
      return isNamed && statement.name ? [statement.name.text] : []
    }),
  )

export const findLongFunctions = (file: SourceFile): readonly string[] =>
  file.nodes.flatMap((node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return []
    const first = lineOf(file, node.getStart())
    const lines = lineOf(file, node.getEnd()) - first + 1
    return lines > longFunction ? [`${file.path}:${first + 1} has ${lines} lines`] : []
  })

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean => {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  const clause = node.importClause
  if (clause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  if (clause?.name !== undefined || clause?.namedBindings === undefined) return false
  return (
    ts.isNamedImports(clause.namedBindings) &&
    clause.namedBindings.elements.every((one) => one.isTypeOnly)
  )
}

export const findImports = ({ path, nodes }: SourceFile, withTypes: boolean): readonly string[] =>
  nodes.flatMap((node) => {
    const isStatic = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
    if (isStatic && !withTypes && isTypeOnly(node)) return []
    const isDynamic =
      ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
    const to = isStatic ? node.moduleSpecifier : isDynamic ? node.arguments[0] : undefined
    if (!to || !ts.isStringLiteral(to) || !to.text.startsWith('.')) return []
    return [normalize(join(path, '..', to.text))]
  })

type Chain = readonly string[]

const takeLongest = (chains: readonly Chain[]): Chain =>
  chains.reduce((best, chain) => (chain.length > best.length ? chain : best), [])

export const findLongestChain = (files: readonly SourceFile[], withTypes: boolean): Chain => {
  const imports = new Map(files.map((file) => [file.path, findImports(file, withTypes)]))
  const known = new Map<string, Chain>()
  const chainFrom = (path: string): Chain => {
    const found = known.get(path)
    if (found) return found
    // A file that is met again on its own way closes a cycle; the chain ends there.
    known.set(path, [])
    const next = (imports.get(path) ?? []).filter((to) => imports.has(to))
    const chain = [path, ...takeLongest(next.map(chainFrom))]
    known.set(path, chain)
    return chain
  }
  return takeLongest([...imports.keys()].map(chainFrom))
}

export const findSharedNames = (
  files: readonly SourceFile[],
): readonly (readonly [name: string, paths: readonly string[]])[] => {
  const places = new Map<string, string[]>()
  for (const file of files)
    for (const name of findTopLevelNames(file))
      places.set(name, [...(places.get(name) ?? []), file.path])
  return [...places].filter(([, paths]) => paths.length > 1)
}
