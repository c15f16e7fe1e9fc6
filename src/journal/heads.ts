import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { createHead, type Head, type ObservedInstance } from '../deployment/head.ts'
import { headBytes, maxHeadBytes } from '../deployment/head-size.ts'
import { hasWork } from '../deployment/blockers.ts'
import {
  AppName,
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  newNonce,
  RevisionId,
  TargetKey,
} from '../kernel/id.ts'
import type { Heads } from '../rollout/journal.ts'
import { deploymentSchema, finishedSchema, releaseSchema } from './deployment-schema.ts'
import { operationSchema, noticeSchema } from './notice-schema.ts'
import { packHead, unpackHead } from './head-lists.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import { headKey, headOpen, openIndex } from './keys.ts'
import { queryItems } from './list.ts'
import { readItem, type Item, type JournalTable } from './table.ts'

/** The head would outgrow its item: a bug, because every opening reckons with its worst ending. */
export class HeadTooLarge extends Error {
  override readonly name = 'HeadTooLarge'

  constructor(app: AppName, bytes: number) {
    super(`the head of ${app} would take ${bytes} bytes of at most ${maxHeadBytes}`)
  }
}

const rollbackSchema = z.object({
  kind: z.enum(['rollback', 'cancel']),
  generation: Generation,
  to: Generation.nullable(),
  reason: z.enum(['alarm_fired', 'rolled_back', 'cancelled']),
  by: z.string(),
  at: instantSchema,
  refusal: reasonSchema.nullable(),
}) satisfies z.ZodType<Head['rollback']>

const observedSchema: z.ZodType<ObservedInstance> = z.object({
  id: InstanceId,
  target: TargetKey,
  generation: Generation.nullable(),
  at: instantSchema,
  tries: z.number(),
  reason: reasonSchema.nullable(),
})

const quarantinedSettingsSchema = z.object({
  digest: Digest,
  secretVersion: z.string().nullable(),
  env: z.record(z.string(), z.string()),
})

const headSchema = z.preprocess(
  unpackHead,
  z.object({
    app: AppName,
    version: Fence,
    body: z.object({
      generation: Generation,
      deployment: deploymentSchema.nullable(),
      releases: z.array(releaseSchema),
      request: z
        .object({
          revision: RevisionId.nullable(),
          force: z.boolean(),
          by: z.string(),
          at: instantSchema,
          refusal: reasonSchema.nullable(),
        })
        .nullable(),
      rollback: rollbackSchema.nullable(),
      freeze: z.object({ reason: z.string(), by: z.string(), at: instantSchema }).nullable(),
      quarantine: z.array(z.union([Commit, Digest, quarantinedSettingsSchema])),
      finished: z.array(finishedSchema),
      alarmsUntil: instantSchema.nullable(),
      notices: z.array(noticeSchema),
      operations: z.array(operationSchema),
      observed: z.array(observedSchema),
      mark: z.object({ createdAt: instantSchema, number: z.number() }).nullable(),
      poller: z.object({ by: z.string(), until: instantSchema }).nullable(),
    }) satisfies z.ZodType<Omit<Head, 'app' | 'version'>>,
  }),
)

const fromHeadItem = (app: AppName, item: Item): Head => {
  const { body, ...rest } = parseItem(headSchema, headKey(app), item)
  return { ...rest, ...body }
}

export const toHeadItem = (head: Head, writer: string): Item => {
  const bytes = headBytes(head)
  if (bytes > maxHeadBytes) throw new HeadTooLarge(head.app, bytes)
  const open = hasWork(head) ? headOpen(head.app) : {}
  return { ...headKey(head.app), schemaVersion, ...packHead(head), writer, ...open }
}

const write = async (table: JournalTable, item: Item, expected: number): Promise<void> => {
  await table.documents().send(
    new PutCommand({
      TableName: table.name,
      Item: item,
      ...(expected === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :expected',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':expected': expected },
          }),
    }),
  )
}

/**
 * What became of a write that failed: the SDK repeats a write whose answer was lost, and then meets
 * its own version. While the expected version still stands, the write may yet arrive: thrown.
 */
const settle = async (
  table: JournalTable,
  app: AppName,
  expected: number,
  writer: string,
  failure: unknown,
): Promise<'recorded' | 'conflict'> => {
  const stored = await readItem(table, headKey(app))
  if (stored?.['writer'] === writer) return 'recorded'
  if (failure instanceof ConditionalCheckFailedException) return 'conflict'
  if ((stored?.['version'] ?? 0) === expected) throw failure
  return 'conflict'
}

const listOpen = async (table: JournalTable): Promise<readonly AppName[]> => {
  const items = await queryItems(table, {
    IndexName: openIndex,
    KeyConditionExpression: '#open = :open',
    ExpressionAttributeNames: { '#open': 'open' },
    ExpressionAttributeValues: { ':open': openIndex },
  })
  return [...new Set(items.map((item) => AppName.parse(String(item['openKey']).split('#')[0])))]
}

export const createHeads = (table: JournalTable): Heads => ({
  load: async (app) => {
    const item = await readItem(table, headKey(app))
    return item === null ? createHead(app) : fromHeadItem(app, item)
  },

  record: async (head, expected) => {
    const writer = newNonce()
    try {
      await write(table, toHeadItem(head, writer), expected)
      return 'recorded'
    } catch (failure) {
      if (failure instanceof HeadTooLarge) throw failure
      return settle(table, head.app, expected, writer, failure)
    }
  },

  listOpen: () => listOpen(table),
})
