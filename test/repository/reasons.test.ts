import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { reasons } from '../../src/kernel/reason.ts'

const page = readFileSync(new URL('../../docs/reasons.md', import.meta.url), 'utf8')

/** `### code`, then its sentence, then what to do about it. */
const sections = page
  .split('\n### ')
  .slice(1)
  .map((section) => {
    const [code = '', sentence = '', ...advice] = section.split(/\n## /)[0]?.split(/\n{2,}/) ?? []
    return { code, sentence: toLine(sentence), advice: toLine(advice.join(' ')) }
  })

function toLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

describe('docs/reasons.md', () => {
  it('docs/reasons.md has every reason once, and no other', () => {
    const told = sections.map(({ code }) => code).toSorted()
    expect(told).toEqual(Object.keys(reasons).toSorted())
  })

  it('docs/reasons.md has the sentence of each reason', () => {
    const told = Object.fromEntries(sections.map(({ code, sentence }) => [code, sentence]))
    expect(told).toEqual(reasons)
  })

  it.each(sections)('docs/reasons.md says what to do about $code', ({ advice }) => {
    expect(advice).toMatch(/^[A-Z`].*[.?)]$/)
  })
})
