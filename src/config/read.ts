import type { Configuration } from '../deployment/app.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { check } from './check.ts'
import { listKnownKeys, toMistakes, type Mistake, type Path } from './mistake.ts'
import { toConfiguration } from './normalise.ts'
import { LandfallFile } from './schema.ts'
import { parseSourceText, type LocatedMistake } from './source-text.ts'

export interface ReadConfiguration {
  readonly configuration: Configuration
  /** What works but may not be intended. */
  readonly warnings: readonly string[]
}

const parseFile = (value: unknown) => LandfallFile.safeParse(value, { error: listKnownKeys })

const isRecord = (value: unknown): value is Record<PropertyKey, unknown> =>
  value !== null && typeof value === 'object'

const removeAt = (root: unknown, path: Path): void => {
  let parent = root
  for (const part of path.slice(0, -1)) parent = isRecord(parent) ? parent[part] : undefined
  const last = path.at(-1)
  // An element of a list stays, so that those behind it keep their places.
  if (last !== undefined && isRecord(parent) && !Array.isArray(parent))
    Reflect.deleteProperty(parent, last)
}

/**
 * The file without its mistakes, so that one run checks the rest too: first without the wrong values, then
 * without the apps that are incomplete because of that.
 */
const salvage = (value: unknown, mistakes: readonly Mistake[]): LandfallFile | null => {
  const rest = structuredClone(value)
  for (const { path } of mistakes) removeAt(rest, path)
  const pruned = parseFile(rest)
  if (pruned.success) return pruned.data
  for (const { path } of pruned.error.issues) removeAt(rest, path.slice(0, 2))
  return parseFile(rest).data ?? null
}

/** Whether a finding only repeats one of the mistakes, because it is about a value that is wrong itself. */
const isEcho = (finding: Mistake, mistakes: readonly Mistake[]): boolean => {
  const isWithin = (inner: Path, outer: Path) => outer.every((part, index) => inner[index] === part)
  return mistakes.some(
    ({ path }) => isWithin(finding.path, path) || (!finding.ofKey && isWithin(path, finding.path)),
  )
}

const inReadingOrder = (findings: readonly LocatedMistake[]): readonly string[] =>
  findings.toSorted((left, right) => left.offset - right.offset).map(({ text }) => text)

/**
 * Parses `landfall.yml`, or returns all of its mistakes, each with file, line, column and path:
 * `landfall.yml:12:7 apps.shop.targets[0].ec2.port: must be a whole number …, got "80a"`.
 */
export const parseConfiguration = (
  text: string,
  fileName: string,
): Result<ReadConfiguration, readonly string[]> => {
  const source = parseSourceText(text, fileName)
  if (source.problems.some(({ isSyntax }) => isSyntax)) return fail(inReadingOrder(source.problems))
  const parsed = parseFile(source.value ?? {})
  const issues = parsed.error?.issues.flatMap((issue) => toMistakes(issue)) ?? []
  const file = parsed.success ? parsed.data : salvage(source.value, issues)
  const found = (file === null ? [] : check(file)).filter((one) => !isEcho(one, issues))
  const mistakes = [...issues, ...found.filter(({ isWarning }) => !isWarning)]
  const problems = [...source.problems, ...mistakes.map((mistake) => source.describe(mistake))]
  if (!parsed.success || problems.length > 0) return fail(inReadingOrder(problems))
  return succeed({
    configuration: toConfiguration(parsed.data),
    warnings: inReadingOrder(found.map((warning) => source.describe(warning))),
  })
}
