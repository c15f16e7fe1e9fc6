import type { Configuration } from '../deployment/app.ts'
import { fail, succeed } from '../kernel/result.ts'
import type { Result } from '../kernel/result.ts'
import { check } from './check.ts'
import { listKnownKeys, toMistakes } from './mistake.ts'
import { toConfiguration } from './normalise.ts'
import { LandfallFile } from './schema.ts'
import { parseSourceText } from './source-text.ts'

export interface ReadConfiguration {
  readonly configuration: Configuration
  /** What works, but may not be what was meant. */
  readonly warnings: readonly string[]
}

/**
 * `landfall.yml` as configuration, or all of its mistakes at once, each with file, line, column and
 * path: `landfall.yml:12:7 apps.shop.targets[0].ec2.port: must be a whole number …, got "80a"`.
 */
export const parseConfiguration = (
  text: string,
  fileName: string,
): Result<ReadConfiguration, readonly string[]> => {
  const source = parseSourceText(text, fileName)
  const parsed = LandfallFile.safeParse(source.value ?? {}, { error: listKnownKeys })
  if (!parsed.success) {
    const mistakes = parsed.error.issues.flatMap((issue) => toMistakes(issue))
    return fail([...source.problems, ...mistakes.map(source.render)])
  }
  const { mistakes, warnings } = check(parsed.data)
  const problems = [...source.problems, ...mistakes.map(source.render)]
  return problems.length > 0
    ? fail(problems)
    : succeed({
        configuration: toConfiguration(parsed.data),
        warnings: warnings.map(source.render),
      })
}
