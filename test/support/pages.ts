import { globSync, readFileSync } from 'node:fs'

const read = (file: string): string => readFileSync(file, 'utf8')

/** Every page of the repository. */
export const pages: readonly string[] = globSync(['*.md', '{docs,examples}/**/*.md']).toSorted()

/** The pages that lead from the first look to the removal of Landfall. */
export const guides = [
  'README.md',
  'docs/getting-started.md',
  'docs/render.md',
  'docs/heroku.md',
  'docs/database.md',
  'docs/costs.md',
  'docs/leaving.md',
  'docs/local-stack.md',
] as const

/** The pages for daily work. */
export const manuals = [
  'docs/operations.md',
  'docs/rollback.md',
  'docs/first-contact.md',
  'examples/alarm-5xx/README.md',
] as const

/** The fenced blocks of one language in a page. */
export const blocksOf = (file: string, language: string): readonly string[] =>
  [...read(file).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    ([, text = '']) => text,
  )

const proseOf = (file: string): string => read(file).replaceAll(/^```.*?^```$/gms, '')

/** As GitHub derives it from a heading. */
const toAnchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

export const anchorsOf = (file: string): readonly string[] =>
  [...proseOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => toAnchor(heading))

/** The links of a page to other parts of the repository, as written. */
export const linksOf = (file: string): readonly string[] =>
  [...proseOf(file).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link)

/** The rows of the table under a heading of the second level, their cells without the padding. */
export const rowsOf = (file: string, heading: string): readonly string[] => {
  const [, section = ''] = read(file).split(`\n## ${heading}\n`)
  return section
    .replace(/\n## .*/s, '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.replaceAll(/ +/g, ' '))
}
