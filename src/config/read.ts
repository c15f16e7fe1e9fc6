import type { Configuration } from '../deployment/app.ts'
import { fail, succeed } from '../kernel/result.ts'
import type { Result } from '../kernel/result.ts'
import { check } from './check.ts'
import { listKnownKeys, toMistakes } from './mistake.ts'
import type { Mistake } from './mistake.ts'
import { toConfiguration } from './normalise.ts'
import { isEcho, salvage } from './salvage.ts'
import { LandfallFile } from './schema.ts'
import { parseSourceText } from './source-text.ts'
import type { LocatedMistake } from './source-text.ts'

export interface ReadConfiguration {
  readonly configuration: Configuration
  /** What works, but may not be what was meant. */
  readonly warnings: readonly string[]
}

/** What the schema refuses, and what is wrong with the rest. */
const findAllMistakes = (value: unknown, issues: readonly Mistake[]): readonly Mistake[] => {
  const rest = salvage(value, issues)
  const more = rest === null ? [] : check(rest).mistakes
  return [...issues, ...more.filter((finding) => !isEcho(finding, issues))]
}

const inReadingOrder = (findings: readonly LocatedMistake[]): readonly string[] =>
  findings.toSorted((left, right) => left.offset - right.offset).map(({ text }) => text)

/**
 * `landfall.yml` as configuration, or all of its mistakes at once, each with file, line, column and
 * path: `landfall.yml:12:7 apps.shop.targets[0].ec2.port: must be a whole number …, got "80a"`.
 */
export const parseConfiguration = (
  text: string,
  fileName: string,
): Result<ReadConfiguration, readonly string[]> => {
  const source = parseSourceText(text, fileName)
  const isBroken = source.problems.some(({ isSyntax }) => isSyntax)
  if (isBroken) return fail(inReadingOrder(source.problems))
  const parsed = LandfallFile.safeParse(source.value ?? {}, { error: listKnownKeys })
  const found = parsed.success ? check(parsed.data) : null
  const mistakes =
    found?.mistakes ??
    findAllMistakes(source.value, parsed.error?.issues.flatMap((issue) => toMistakes(issue)) ?? [])
  const problems = [...source.problems, ...mistakes.map((mistake) => source.describe(mistake))]
  if (!parsed.success || problems.length > 0) return fail(inReadingOrder(problems))
  return succeed({
    configuration: toConfiguration(parsed.data),
    warnings: inReadingOrder((found?.warnings ?? []).map((warning) => source.describe(warning))),
  })
}
