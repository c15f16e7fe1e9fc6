import { readFile } from 'node:fs/promises'
import type { ItemKey } from '../../src/journal/keys.ts'

/** `revision#<id>` fits `revision#0123…`; `<fence, 10 digits>` fits ten digits. */
const toPattern = (form: string): RegExp => {
  const source = form.replace(/<[^>]*>/g, (placeholder) => {
    const [, digits] = /, (\d+) digits>$/.exec(placeholder) ?? []
    return digits === undefined ? '[^#]+' : `\\d{${digits}}`
  })
  return new RegExp(`^${source}$`)
}

/** What docs/journal.md says of one kind of record. */
export interface RecordSection {
  readonly name: string
  readonly text: string
  readonly lifetime: string
  readonly isKeyOf: (key: ItemKey) => boolean
}

const toSection = (text: string): RecordSection[] => {
  const [, pk, sk, lifetime] = /^\| `([^`]+)` · `([^`]+)` +\| ([^|]+?) +\|/m.exec(text) ?? []
  if (pk === undefined || sk === undefined || lifetime === undefined) return []
  const [name = ''] = text.split('\n')
  const patterns = { pk: toPattern(pk), sk: toPattern(sk) }
  const isKeyOf = (key: ItemKey) => patterns.pk.test(key.pk) && patterns.sk.test(key.sk)
  return [{ name, text, lifetime, isKeyOf }]
}

/** Every kind of record that docs/journal.md tells of. */
export const readRecordSections = async (): Promise<readonly RecordSection[]> => {
  const page = await readFile(new URL('../../docs/journal.md', import.meta.url), 'utf8')
  return page.split(/^## /m).flatMap(toSection)
}
