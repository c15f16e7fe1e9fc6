import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import * as z from 'zod'

const Report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      startTime: z.number(),
      endTime: z.number(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
})

export interface FileTime {
  readonly file: string
  readonly seconds: number
}

export interface Outcome {
  readonly passed: number
  readonly failed: number
  /** What failed and why, a text for a person; empty where nothing did. */
  readonly failures: string
  readonly files: readonly FileTime[]
}

/** Of tests that did not run. */
export const none: Outcome = { passed: 0, failed: 0, failures: '', files: [] }

const toFailures = ({ testResults }: z.infer<typeof Report>): readonly string[] =>
  testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    const file = relative(process.cwd(), name)
    const ofFile = message === '' ? [] : [`${file}\n${message}`]
    const ofTests = failed.map(
      ({ fullName, failureMessages }) =>
        `${file} > ${fullName}\n${(failureMessages ?? []).join('\n')}`,
    )
    return [...ofFile, ...ofTests]
  })

/** What a run of Vitest reported; a run that failed without a test of its own counts as one failed. */
export const readReport = (path: string, isFailed: boolean): Outcome => {
  try {
    const report = Report.parse(JSON.parse(readFileSync(path, 'utf8')))
    return {
      passed: report.numPassedTests,
      failed: Math.max(report.numFailedTests, isFailed ? 1 : 0),
      failures: toFailures(report).join('\n\n'),
      files: report.testResults.map(({ name, startTime, endTime }) => ({
        file: relative(process.cwd(), name),
        seconds: (endTime - startTime) / 1000,
      })),
    }
  } catch {
    return { passed: 0, failed: 1, failures: 'Vitest wrote no report.', files: [] }
  }
}

const shown = 10

/** The files that took the longest, a line each. */
export const renderSlowest = (files: readonly FileTime[]): string =>
  files
    .toSorted((one, other) => other.seconds - one.seconds)
    .slice(0, shown)
    .map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file}`)
    .join('\n')
