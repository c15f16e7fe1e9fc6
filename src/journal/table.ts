import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  DynamoDBDocumentClient,
  GetCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb'
import { sleep } from '../kernel/clock.ts'
import type { ItemKey } from './keys.ts'

export type Item = Readonly<Record<string, unknown>>

/** The one table. `documents` makes its client on the first call: importing connects to nothing. */
export interface JournalTable {
  readonly name: string
  readonly documents: () => DynamoDBDocumentClient
}

/**
 * Three attempts of 2 s each end before API Gateway and the function's own limit do. Region,
 * credentials and endpoint (`AWS_ENDPOINT_URL`) are the SDK's own business.
 */
const createClient = (): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: 2_000,
      throwOnRequestTimeout: true,
    },
  })

export const createJournalTable = (
  name: string,
  client: () => DynamoDBClient = createClient,
): JournalTable => {
  let documents: DynamoDBDocumentClient | null = null
  return { name, documents: () => (documents ??= DynamoDBDocumentClient.from(client())) }
}

/** The primary key of an item that was read. */
export const toItemKey = (item: Item): ItemKey => ({
  pk: String(item['pk']),
  sk: String(item['sk']),
})

/** One item, strongly consistent. */
export const readItem = async (table: JournalTable, key: ItemKey): Promise<Item | null> => {
  const { Item } = await table
    .documents()
    .send(new GetCommand({ TableName: table.name, Key: key, ConsistentRead: true }))
  return Item ?? null
}

/** DynamoDB's limit for one BatchGetItem. */
const batchSize = 100
const batchAttempts = 6

/** Many items by key, strongly consistent, in no order; those that are not there are left out. */
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
