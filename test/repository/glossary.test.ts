import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('ARCHITECTURE.md', 'utf8')
const glossary = page.slice(page.indexOf('\n## Glossary\n')).split('\n## ')[1] ?? ''
const words = [...glossary.matchAll(/^\| (`.+?`) +\|/gm)].flatMap(([, cell = '']) =>
  [...cell.matchAll(/`(.+?)`/g)].map(([, word = '']) => word),
)
const code = globSync('{src,handlers}/**/*.ts')
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n')

/** `roll call` and `take-back` stand in code as `rollCall` and `takeBack` too. */
const toPattern = (word: string): RegExp =>
  new RegExp(`(?<![a-z])${word.replace(/[ -]/, '[ -]?')}(?:s|d|r|ed|ing)?(?![a-z])`, 'i')

test('the glossary of ARCHITECTURE.md has only words of the code', () => {
  expect(words.length).toBeGreaterThan(40)
  expect(words.filter((word) => !toPattern(word).test(code))).toEqual([])
})

test('the glossary is in alphabetical order, and has each word once', () => {
  expect(words).toEqual([...new Set(words)].toSorted())
})
