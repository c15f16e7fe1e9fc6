import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type PutCommandInput,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb'
import type { ItemKey } from './keys.ts'

export type Item = Readonly<Record<string, unknown>>

/** The one table. `documents` creates its client on the first call: importing connects to nothing. */
export interface JournalTable {
  readonly name: string
  readonly documents: () => DynamoDBDocumentClient
}

/**
 * Three attempts of 2 s each end before API Gateway and the function's own limit do. The SDK finds region,
 * credentials and endpoint (`AWS_ENDPOINT_URL`) by itself.
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

/** False where the condition of the write does not hold. Any other failure is thrown: nothing is known then. */
const isWritten = async (write: Promise<unknown>): Promise<boolean> => {
  try {
    await write
    return true
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false
    throw error
  }
}

/** Replaces an item, if the condition holds; whether it did. */
export const putItem = (
  table: JournalTable,
  item: Item,
  condition: Omit<PutCommandInput, 'TableName' | 'Item'> = {},
): Promise<boolean> =>
  isWritten(
    table.documents().send(new PutCommand({ TableName: table.name, Item: item, ...condition })),
  )

/** Updates attributes of an item, if the condition holds; whether it did. */
export const updateItem = (
  table: JournalTable,
  key: ItemKey,
  update: Omit<UpdateCommandInput, 'TableName' | 'Key'>,
): Promise<boolean> =>
  isWritten(
    table.documents().send(new UpdateCommand({ TableName: table.name, Key: key, ...update })),
  )
