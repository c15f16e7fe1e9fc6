import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lifetimes } from '../../src/journal/lifetime.ts'
import type { Item } from '../../src/journal/table.ts'
import { receiptLifetimeSeconds } from '../../src/delivery/record.ts'
import { writeExamples } from '../support/journal-examples.ts'
import { readTableDefinition, startJournal, type TestJournal } from '../support/journal-table.ts'

let journal: TestJournal
let examples: ReadonlyMap<string, Item>
let page: string
beforeAll(async () => {
  journal = await startJournal()
  examples = await writeExamples(journal)
  page = await readFile(new URL('../../docs/journal.md', import.meta.url), 'utf8')
})
afterAll(() => journal.stop())

const records = [
  'Head',
  'Revision',
  'Tag',
  'Seen',
  'Deployment',
  'Step',
  'Operation',
  'Alarm',
  'Receipt',
  'Command',
  'Certificate',
  'Roll call',
] as const

const sectionOf = (record: string): string =>
  page.split(/^## /m).find((section) => section.startsWith(`${record}\n`)) ?? ''

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

/** `revision#<id>` fits `revision#0123…`; `<fence, 10 digits>` fits ten digits. */
const toPattern = (form: string): RegExp => {
  const source = form.replace(/<[^>]*>/g, (placeholder) => {
    const [, digits] = /, (\d+) digits>$/.exec(placeholder) ?? []
    return digits === undefined ? '[^#]+' : `\\d{${digits}}`
  })
  return new RegExp(`^${source}$`)
}

describe('docs/journal.md', () => {
  it('tells of every record that the code writes', () => {
    expect([...examples.keys()]).toEqual([...records])
  })

  it.each(records)('shows a %s as the code writes it', (record) => {
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(sectionOf(record)) ?? []
    const shown: unknown = JSON.parse(json)
    expect(shown).toEqual(elide(shown, examples.get(record)))
  })

  it.each(records)("gives the form of a %s's key", (record) => {
    const [, pk = '', sk = ''] = /^\| `([^`]+)` · `([^`]+)`/m.exec(sectionOf(record)) ?? []
    const item = examples.get(record)
    expect(item?.['pk']).toMatch(toPattern(pk))
    expect(item?.['sk']).toMatch(toPattern(sk))
  })

  it.each(records)('explains every field of a %s', (record) => {
    const [prose = ''] = sectionOf(record).split('```json')
    const common = ['pk', 'sk', 'schemaVersion', 'app', 'expiresAt']
    for (const field of Object.keys(examples.get(record) ?? {})) {
      const name = field
        .replace(/^ci:.*/, 'ci:<source>:<workflow>')
        .replace(/^label:.*/, 'label:<digest>')
        .replace(/^seen:.*/, 'seen:<source>:<event>')
      if (!common.includes(field)) expect(prose).toContain(`\`${name}\``)
    }
  })

  it('says how long each record stays', () => {
    const stated = {
      Revision: lifetimes.endedRevision,
      Deployment: lifetimes.deployment,
      Step: lifetimes.step,
      Operation: lifetimes.operation,
      Alarm: lifetimes.alarm,
      Receipt: receiptLifetimeSeconds,
      Command: lifetimes.command,
      Certificate: lifetimes.certificate,
    }
    for (const [record, seconds] of Object.entries(stated))
      expect(sectionOf(record)).toMatch(new RegExp(`\\| [^|]*\\b${seconds / 86_400} days from`))
    for (const record of ['Head', 'Tag', 'Seen'])
      expect(examples.get(record)).not.toHaveProperty('expiresAt')
  })

  it('names the attribute that the table cleans up by', async () => {
    const { TimeToLiveSpecification } = await readTableDefinition()
    expect(TimeToLiveSpecification.AttributeName).toBe('expiresAt')
  })
})
