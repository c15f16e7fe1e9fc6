import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { blocksOf, guides, manuals } from '../support/pages.ts'

const page = 'docs/fr/demarrage.md'
const languages = ['sh', 'yaml', 'json'] as const

/** Comments are translated; what runs is not. */
const withoutComments = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(/\s+# .*$/, '').trimEnd())
    .join('\n')

const translated = languages.flatMap((language) =>
  blocksOf(page, language).map((text) => [language, text] as const),
)

const stepsOf = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^## (\d+)\. /gm)].map(([, step = '']) => step)

describe('the French quick start', () => {
  it.each(translated)('takes its %s block from the tested English pages (%#)', (language, text) => {
    const english = [...guides, ...manuals].flatMap((file) => blocksOf(file, language))
    expect(english.map(withoutComments)).toContain(withoutComments(text))
  })

  it('has the steps of the English page', () => {
    expect(stepsOf(page)).toEqual(stepsOf('docs/getting-started.md'))
  })

  it('is linked from the README', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(`(${page})`)
  })
})
