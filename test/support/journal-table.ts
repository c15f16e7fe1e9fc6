import { readFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { openDynamoDb, readRequest } from '../../local/aws/index.ts'
import type { ItemKey } from '../../src/journal/keys.ts'
import { createJournalTable, type Item, type JournalTable } from '../../src/journal/table.ts'
import { openPeerDynamoDb, peerDynamoDb } from './peer-dynamodb.ts'

const KeySchema = z.array(
  z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }),
)

const Definition = z.object({
  Resources: z.object({
    Journal: z.object({
      Properties: z.object({
        BillingMode: z.literal('PAY_PER_REQUEST'),
        AttributeDefinitions: z.array(
          z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N']) }),
        ),
        KeySchema,
        GlobalSecondaryIndexes: z.array(
          z.object({
            IndexName: z.string(),
            KeySchema,
            Projection: z.object({ ProjectionType: z.enum(['KEYS_ONLY']) }),
          }),
        ),
        TimeToLiveSpecification: z.object({ AttributeName: z.string() }),
      }),
    }),
  }),
})

/** The table as the stack creates it: there is no second definition for tests. */
export const readTableDefinition = async () => {
  const file = new URL('../../packaging/journal.yml', import.meta.url)
  const definition: unknown = parse(await readFile(file, 'utf8'), { logLevel: 'silent' })
  return Definition.parse(definition).Resources.Journal.Properties
}

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections()
    server.close(() => resolve())
  })

/**
 * What happens to one request on its way: it arrives and its answer is lost, it never arrives, or the
 * answer of a BatchGetItem holds one item and names the keys of the others as unprocessed.
 */
export type Fault = 'answer_lost' | 'request_lost' | 'batch_cut'

const Key = z.object({ pk: z.unknown(), sk: z.unknown() })
const Batch = z.object({ Responses: z.record(z.string(), z.array(Key.loose())) })

/** As DynamoDB answers when it throttles, or above 16 MB. */
const cutBatch = (answer: string): string => {
  const { Responses } = Batch.parse(JSON.parse(answer))
  const cut = Object.entries(Responses).map(([name, items]) => ({
    name,
    items: items.slice(0, 1),
    Keys: items.slice(1).map((item) => Key.parse(item)),
  }))
  return JSON.stringify({
    Responses: Object.fromEntries(cut.map(({ name, items }) => [name, items])),
    UnprocessedKeys: Object.fromEntries(cut.map(({ name, Keys }) => [name, { Keys }])),
  })
}

const cutAnswer = (outgoing: ServerResponse): void => {
  const end = outgoing.end.bind(outgoing)
  outgoing.end = (answer?: unknown) => {
    const cut = cutBatch(String(answer))
    outgoing.removeHeader('x-amz-crc32')
    outgoing.setHeader('content-length', Buffer.byteLength(cut))
    return end(cut)
  }
}

export interface TestJournal {
  readonly table: JournalTable
  readonly endpoint: string
  /** The operations that were asked for, in order: `UpdateItem`, `GetItem` … */
  readonly operations: string[]
  /** Whether each of them asked for a strongly consistent read. */
  readonly consistent: boolean[]
  /** Faults for the next requests, one each; null for one that goes well. */
  readonly faults: (Fault | null)[]
  /** Runs before the fault of a request does its work. */
  beforeFault: () => Promise<void>
  /** A table of its own client, which sends each request once where `attempts` is 1. */
  connect(attempts?: number): JournalTable
  read(key: ItemKey): Promise<Item | undefined>
  stop(): Promise<void>
}

/** dynalite in memory behind a wire that can be cut, spoken to by the real SDK. */
export const startJournal = async (): Promise<TestJournal> => {
  const database =
    peerDynamoDb === undefined ? await openDynamoDb() : openPeerDynamoDb(peerDynamoDb)
  const wire = createServer((incoming, outgoing) => {
    const handle = async (): Promise<void> => {
      journal.operations.push(String(incoming.headers['x-amz-target']).split('.')[1] ?? '')
      const fault = journal.faults.shift() ?? null
      if (fault !== null) await journal.beforeFault()
      if (fault === 'request_lost') return void incoming.socket.destroy()
      if (fault === 'answer_lost') outgoing.end = () => outgoing.destroy()
      if (fault === 'batch_cut') cutAnswer(outgoing)
      const request = await readRequest(incoming)
      journal.consistent.push(request.body.includes('"ConsistentRead":true'))
      database.handle(request, outgoing)
    }
    handle().catch(() => incoming.socket.destroy())
  })
  const endpoint = `http://127.0.0.1:${await listen(wire)}`
  const createClient = (maxAttempts: number) =>
    new DynamoDBClient({
      endpoint,
      region: 'eu-west-3',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts,
    })
  const connect = (attempts = 3): JournalTable =>
    createJournalTable('landfall-test', () => createClient(attempts))
  const table = connect()
  const journal: TestJournal = {
    table,
    endpoint,
    operations: [],
    consistent: [],
    faults: [],
    beforeFault: async () => {},
    connect,
    read: async ({ pk, sk }) => {
      const command = new GetCommand({
        TableName: table.name,
        Key: { pk, sk },
        ConsistentRead: true,
      })
      return (await table.documents().send(command)).Item
    },
    stop: async () => {
      await close(wire)
      await database.close()
    },
  }
  const { TimeToLiveSpecification: _, ...definition } = await readTableDefinition()
  const client = createClient(3)
  await client.send(new CreateTableCommand({ TableName: table.name, ...definition }))
  // A table takes no item before it is active.
  const patience = { client, maxWaitTime: 30, minDelay: 0.01, maxDelay: 0.1 }
  await waitUntilTableExists(patience, { TableName: table.name })
  journal.operations.length = 0
  return journal
}

/** A journal for all tests of a file. */
export const useJournal = async (): Promise<TestJournal> => {
  const journal = await startJournal()
  afterAll(() => journal.stop())
  return journal
}
