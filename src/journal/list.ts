import { BatchGetCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb'
import { sleep } from '../kernel/clock.ts'
import type { ItemKey } from './keys.ts'
import type { Item, JournalTable } from './table.ts'

// A file of its own: the bundle of `webhook` reads single items and leaves this out.

/** DynamoDB's limit for one BatchGetItem. */
const batchSize = 100
const batchAttempts = 6

/** Many items by key, strongly consistent, in no order; missing ones are left out. */
export const readItems = async (
  table: JournalTable,
  keys: readonly ItemKey[],
): Promise<readonly Item[]> => {
  const items: Item[] = []
  let rest: Record<string, unknown>[] = keys.map(({ pk, sk }) => ({ pk, sk }))
  for (let attempt = 1; rest.length > 0;) {
    const { Responses, UnprocessedKeys } = await table.documents().send(
      new BatchGetCommand({
        RequestItems: { [table.name]: { Keys: rest.slice(0, batchSize), ConsistentRead: true } },
      }),
    )
    items.push(...(Responses?.[table.name] ?? []))
    const unprocessed = UnprocessedKeys?.[table.name]?.Keys ?? []
    rest = [...unprocessed, ...rest.slice(batchSize)]
    if (unprocessed.length === 0) continue
    if (attempt++ === batchAttempts) throw new Error('DynamoDB left keys of a batch unread')
    await sleep(25 * 2 ** attempt)
  }
  return items
}

/** Every item of a query, page by page; `limit` ends it early. */
export const queryItems = async (
  table: JournalTable,
  query: Omit<QueryCommandInput, 'TableName'>,
  limit: number = Infinity,
): Promise<readonly Item[]> => {
  const items: Item[] = []
  let from: QueryCommandInput['ExclusiveStartKey']
  do {
    const page = await table.documents().send(
      new QueryCommand({
        ...query,
        TableName: table.name,
        ...(from && { ExclusiveStartKey: from }),
        ...(limit < Infinity && { Limit: limit - items.length }),
      }),
    )
    items.push(...(page.Items ?? []))
    from = page.LastEvaluatedKey
  } while (from && items.length < limit)
  return items
}
