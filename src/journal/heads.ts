import * as z from 'zod'
import { createHead, type Head } from '../deployment/head.ts'
import { headBytes, maxHeadBytes } from '../deployment/head-size.ts'
import { hasWork } from '../deployment/blockers.ts'
import { AppName, Fence, newNonce } from '../kernel/id.ts'
import type { Heads } from '../rollout/journal.ts'
import { packHead, unpackHead } from './head-lists.ts'
import { headBodySchema } from './head-schema.ts'
import { parseItem, schemaVersion } from './item.ts'
import { itemKey, openAttributes, openIndex, toOpenApp } from './keys.ts'
import { queryItems } from './list.ts'
import { putItem, readItem, type Item, type JournalTable } from './table.ts'

/** The head would outgrow its item: a bug, because every opening makes room for its worst ending. */
export class HeadTooLarge extends Error {
  override readonly name = 'HeadTooLarge'

  constructor(app: AppName, bytes: number) {
    super(`the head of ${app} would take ${bytes} bytes of at most ${maxHeadBytes}`)
  }
}

const headSchema = z.preprocess(
  unpackHead,
  z.object({ app: AppName, version: Fence, body: headBodySchema }),
)

const loadHead = async (table: JournalTable, app: AppName): Promise<Head> => {
  const key = itemKey.head(app)
  const item = await readItem(table, key)
  if (item === null) return createHead(app)
  const { body, ...rest } = parseItem(headSchema, key, item)
  return { ...rest, ...body }
}

export const toHeadItem = (head: Head, writer: string): Item => {
  const bytes = headBytes(head)
  if (bytes > maxHeadBytes) throw new HeadTooLarge(head.app, bytes)
  const open = hasWork(head) ? openAttributes.head(head.app) : {}
  return { ...itemKey.head(head.app), schemaVersion, ...packHead(head), writer, ...open }
}

const writeHead = (table: JournalTable, item: Item, expected: number): Promise<boolean> =>
  expected === 0
    ? putItem(table, item, { ConditionExpression: 'attribute_not_exists(pk)' })
    : putItem(table, item, {
        ConditionExpression: '#version = :expected',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':expected': expected },
      })

/**
 * A write that fails may have arrived: the SDK repeats a write whose answer was lost, and then meets its
 * own version. The nonce of the writer tells. While the expected version still stands, the write may yet
 * arrive: the failure is thrown.
 */
const recordHead = async (
  table: JournalTable,
  head: Head,
  expected: number,
): Promise<'recorded' | 'conflict'> => {
  const writer = newNonce()
  const written = await writeHead(table, toHeadItem(head, writer), expected).catch(
    (error: unknown) => ({ error }),
  )
  if (written === true) return 'recorded'
  const stored = await readItem(table, itemKey.head(head.app))
  if (stored?.['writer'] === writer) return 'recorded'
  if (written !== false && (stored?.['version'] ?? 0) === expected) throw written.error
  return 'conflict'
}

export const createHeads = (table: JournalTable): Heads => ({
  load: (app) => loadHead(table, app),

  record: (head, expected) => recordHead(table, head, expected),

  listOpen: async () => {
    const items = await queryItems(table, {
      IndexName: openIndex,
      KeyConditionExpression: '#open = :open',
      ExpressionAttributeNames: { '#open': 'open' },
      ExpressionAttributeValues: { ':open': openIndex },
    })
    return [...new Set(items.flatMap((item) => toOpenApp(String(item['openKey'])) ?? []))]
  },
})
