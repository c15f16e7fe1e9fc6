import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import {
  findLongestChain,
  findLongFunctions,
  findSharedNames,
  findTopLevelNames,
  lineOf,
  product,
  readFiles,
  type SourceFile,
} from './support/source-files.ts'

// `npm run measure`: figures of the product's TypeScript, with the definition of each. `-- --at REVISION`
// (or a directory) prints its figures beside them. `-- --list` adds the longest import chains, the long
// functions and the names of several files.

const countCommentLines = (file: SourceFile): number => {
  const ranges = file.nodes.flatMap(
    (node) => ts.getLeadingCommentRanges(file.source.text, node.getFullStart()) ?? [],
  )
  const ends = new Map(ranges.map(({ pos, end }) => [pos, end]))
  return [...ends].reduce((sum, [pos, end]) => sum + lineOf(file, end) - lineOf(file, pos) + 1, 0)
}

const isCast = (node: ts.Node): boolean =>
  (ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)) ||
  ts.isTypeAssertionExpression(node)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)

const measure = (root: string) => {
  const files = readFiles(root, product)
  const lines = sum(files.map((file) => file.lines.length))
  const sizes = files
    .map((file) => file.lines.filter((line) => line.trim() !== '').length)
    .toSorted((a, b) => a - b)
  const notBlank = sum(sizes)
  const sizeAt = (share: number): string => String(sizes[Math.floor(sizes.length * share)])
  const perThousand = (count: number): string => ((count / lines) * 1000).toFixed(1)
  const nodes = files.flatMap((file) => file.nodes)
  const names = sum(files.map((file) => findTopLevelNames(file).size))
  const comments = sum(files.map(countCommentLines))
  const tests = sum(readFiles(root, ['test']).map((file) => file.lines.length))
  const lists = {
    'functions over 40 lines': files.flatMap(findLongFunctions),
    'names of several files': findSharedNames(files).map(
      ([name, paths]) => `${name}: ${paths.join(' ')}`,
    ),
    'longest chain': findLongestChain(files, true),
    'longest chain of values': findLongestChain(files, false),
  }
  const count = (name: keyof typeof lists): string => String(lists[name].length)
  const casts = perThousand(nodes.filter(isCast).length)
  const anys = perThousand(nodes.filter(({ kind }) => kind === ts.SyntaxKind.AnyKeyword).length)
  const nonNulls = perThousand(nodes.filter(ts.isNonNullExpression).length)
  const figures: readonly (readonly [name: string, figure: string, definition: string])[] = [
    ['files', String(files.length), `TypeScript below ${product.join(', ')}`],
    ['lines', String(lines), 'of these files, all'],
    ['lines, not blank', String(notBlank), 'comments included'],
    ['median file', sizeAt(0.5), 'lines that are not blank'],
    ['p90 file', sizeAt(0.9), 'nine of ten files have fewer'],
    ['largest file', String(sizes.at(-1)), 'lines that are not blank'],
    ['functions over 40 lines', count('functions over 40 lines'), 'all lines, first to last'],
    ['any', anys, 'the type `any`, per 1,000 lines'],
    ['casts', casts, '`as` but not `as const`, and `<T>value`, per 1,000 lines'],
    ['non-null', nonNulls, '`value!`, per 1,000 lines'],
    [
      'comment share',
      `${((comments / notBlank) * 100).toFixed(1)} %`,
      'lines of comments ÷ lines, not blank',
    ],
    [
      'names',
      perThousand(names),
      'top-level, exported or not, per 1,000 lines; a schema and its type are one',
    ],
    ['names of several files', count('names of several files'), 'top-level in two files or more'],
    ['longest chain', count('longest chain'), 'files from import to import, types counted'],
    ['longest chain of values', count('longest chain of values'), 'without type-only imports'],
    ['test lines', String(tests), 'TypeScript below test, all lines'],
    ['test ÷ source', (tests / lines).toFixed(2), 'test lines ÷ lines'],
  ]
  return { figures, lists }
}

const measureRevision = (revision: string): ReturnType<typeof measure> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-measure-'))
  try {
    const archive = execFileSync('git', ['archive', revision], { maxBuffer: 256 * 1024 * 1024 })
    execFileSync('tar', ['-x', '-C', directory], { input: archive })
    return measure(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const { at, list } = parseArgs({
  options: { at: { type: 'string' }, list: { type: 'boolean', default: false } },
}).values
const now = measure('.')
const before = at === undefined ? [] : [existsSync(at) ? measure(at) : measureRevision(at)]
const write = (name: string, cells: readonly string[], definition: string): void => {
  const row = [name.padEnd(24), ...cells.map((cell) => cell.padStart(10)), '  ', definition]
  process.stdout.write(`${row.join('').trimEnd()}\n`)
}
write('', [...(at === undefined ? [] : [at.slice(-9)]), 'now'], '')
now.figures.forEach(([name, figure, definition], row) =>
  write(name, [...before.map(({ figures }) => figures[row]?.[1] ?? ''), figure], definition),
)
if (list)
  for (const [name, lines] of Object.entries(now.lists))
    process.stdout.write(`\n${name}:\n${lines.map((line) => `  ${line}\n`).join('')}`)
