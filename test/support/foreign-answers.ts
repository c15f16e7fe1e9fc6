import { rowsOf } from './pages.ts'

/** What an answer of a foreign service is taken for: passing, or lasting with what is told. */
export interface AnswerRow {
  readonly service: string
  readonly answer: string
  readonly taken: string
}

export const renderAnswers = (rows: readonly AnswerRow[]): readonly string[] =>
  rows.map(({ service, answer, taken }) => `| ${service} | ${answer} | ${taken} |`)

/** The rows of a table of docs/foreign-answers.md. */
export const answersIn = (heading: string): readonly string[] =>
  rowsOf('docs/foreign-answers.md', heading)

export const passing = 'passing: asked again'

export const told = (reason: string | null, why: string): string =>
  `lasting${reason === null ? '' : `, \`${reason}\``}: ${why.replaceAll('|', String.raw`\|`)}`
