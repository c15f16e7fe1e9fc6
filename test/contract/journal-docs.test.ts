import { describe, expect, it } from 'vitest'
import { toItemKey } from '../../src/journal/table.ts'
import { writeExamples } from '../support/journal-examples.ts'
import { readRecordSections, type RecordSection } from '../support/journal-page.ts'
import { readTableDefinition, useJournal } from '../support/journal-table.ts'

const journal = await useJournal()
const examples = await writeExamples(journal)
const sections = await readRecordSections()

const records = [
  'Head',
  'Revision',
  'Tag',
  'Seen',
  'Repository',
  'Release',
  'Deployment',
  'Step',
  'Operation',
  'Alarm',
  'Receipt',
  'Command',
  'Certificate',
  'Fleet scan',
  'Proxy image',
  'Renewal request',
  'Renewal',
  'Carry',
  'Sign-in link',
  'Page session',
  'Heroku deploy',
  'Heroku release',
] as const

const sectionOf = (record: string): RecordSection => {
  const section = sections.find(({ name }) => name === record)
  if (section === undefined) throw new Error(`docs/journal.md tells of no ${record}`)
  return section
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What the page leaves out as `"…"` is left out of the item too, where it has something there. */
const elide = (shown: unknown, actual: unknown): unknown => {
  if (shown === '…' && actual !== undefined) return '…'
  if (!isObject(shown) || !isObject(actual)) return actual
  return Object.fromEntries(
    Object.entries(actual).map(([name, value]) => [name, elide(shown[name], value)]),
  )
}

describe('docs/journal.md', () => {
  it('tells of every record that the code writes', () => {
    expect([...examples.keys()]).toEqual([...records])
  })

  it.each(records)('shows a %s as the code writes it', (record) => {
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(sectionOf(record).text) ?? []
    const shown: unknown = JSON.parse(json)
    expect(shown).toEqual(elide(shown, examples.get(record)))
  })

  it.each(records)("gives the form of a %s's key", (record) => {
    expect(sectionOf(record).isKeyOf(toItemKey(examples.get(record) ?? {}))).toBe(true)
  })

  it.each(records)('explains every field of a %s', (record) => {
    const [prose = ''] = sectionOf(record).text.split('```json')
    const common = ['pk', 'sk', 'schemaVersion', 'app', 'expiresAt']
    for (const field of Object.keys(examples.get(record) ?? {})) {
      const name = field
        .replace(/^ci:.*/, 'ci:<source>:<workflow>')
        .replace(/^label:.*/, 'label:<digest>')
        .replace(/^seen:.*/, 'seen:<source>:<event>')
      if (!common.includes(field)) expect(prose).toContain(`\`${name}\``)
    }
  })

  it('names the attribute that the table cleans up by', async () => {
    const { TimeToLiveSpecification } = await readTableDefinition()
    expect(TimeToLiveSpecification.AttributeName).toBe('expiresAt')
  })
})
