import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb'
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
