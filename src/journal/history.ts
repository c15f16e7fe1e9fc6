import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { Ended, Release } from '../deployment/deployment.ts'
import type { StepRecord } from '../deployment/step.ts'
import { Generation, InstanceId, type AppName } from '../kernel/id.ts'
import type { History, Past } from '../rollout/journal.ts'
import { packDeployment, unpackDeployment } from './head-lists.ts'
import { endedSchema, purposeSchema, releaseSchema } from './head-schema.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import {
  deploymentPrefix,
  historyPartition,
  itemKey,
  releasePrefix,
  stepPartition,
  type ItemKey,
} from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { queryItems } from './list.ts'
import { putItem, readItem, toItemKey, updateItem, type JournalTable } from './table.ts'

const stepSchema: z.ZodType<StepRecord> = z.object({
  generation: Generation,
  instance: InstanceId,
  fence: z.number(),
  purpose: purposeSchema,
  at: instantSchema,
  outcome: z.enum(['waiting', 'succeeded', 'failed', 'refused', 'lost']),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
  steps: z.array(
    z.object({
      name: z.string(),
      status: z.enum([
        'pending',
        'running',
        'succeeded',
        'failed',
        'timed_out',
        'skipped',
        'cancelled',
      ]),
      milliseconds: z.number().nullable(),
      reason: reasonSchema.nullable(),
    }),
  ),
  tail: z.array(z.string()),
})

const deploymentItemSchema: z.ZodType<Ended> = z.preprocess(unpackDeployment, endedSchema)

/** The items of one partition, each read by the schema. */
const queryAll = async <Value>(
  table: JournalTable,
  schema: z.ZodType<Value>,
  query: Parameters<typeof queryItems>[1],
  limit?: number,
): Promise<readonly Value[]> => {
  const items = await queryItems(table, { ...query, ConsistentRead: true }, limit)
  return items.map((item) => parseItem(schema, toItemKey(item), item))
}

/**
 * Once: what a head says of an ended deployment later changes its record no more. Expiry counts from the ending, not
 * from the write.
 */
const recordDeployment = async (
  table: JournalTable,
  app: AppName,
  deployment: Ended,
): Promise<void> => {
  const item = {
    ...itemKey.deployment(app, deployment.generation),
    schemaVersion,
    app,
    ...packDeployment(deployment),
    expiresAt: expiresAt(deployment.endedAt, 'deployment'),
  }
  await putItem(table, item, { ConditionExpression: 'attribute_not_exists(pk)' })
}

const recordStep = async (table: JournalTable, app: AppName, step: StepRecord): Promise<void> => {
  const key = itemKey.step(app, step)
  await putItem(table, {
    ...key,
    schemaVersion,
    app,
    ...step,
    expiresAt: expiresAt(step.at, 'step'),
  })
}

const toHash = (release: Release): string =>
  createHash('sha256').update(JSON.stringify(release)).digest('hex')

/** By its hash too: two runs that open different releases under one number overwrite neither. */
export const toReleaseKey = (app: AppName, release: Release): ItemKey =>
  itemKey.release(app, release.generation, toHash(release).slice(0, 16))

/** It never expires: neither does a live release. */
const recordOpened = async (table: JournalTable, app: AppName, release: Release): Promise<void> => {
  await putItem(table, { ...toReleaseKey(app, release), schemaVersion, app, release })
}

/** Its contents alone, however its objects were made. */
const toPlain = (release: Release): unknown => JSON.parse(JSON.stringify(release))

const releaseItemSchema = z.object({ release: releaseSchema })

/**
 * Compares contents and not hashes: a newer Landfall fills a new field of both alike. A record never changes,
 * so one that was found needs no second read.
 */
const createHasRelease = (table: JournalTable): History['hasRelease'] => {
  const found = new Set<string>()
  return async (app, release) => {
    const name = `${app} ${toHash(release)}`
    if (found.has(name)) return true
    const recorded = await queryAll(table, releaseItemSchema, {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: {
        ':pk': historyPartition(app),
        ':prefix': releasePrefix(release.generation),
      },
    })
    const isThere = recorded.some((one) =>
      isDeepStrictEqual(toPlain(one.release), toPlain(release)),
    )
    if (isThere) found.add(name)
    return isThere
  }
}

/** By a query, as all others: the role of `status` may read no single item here. */
const loadDeployment = async (
  table: JournalTable,
  app: AppName,
  generation: Generation,
): Promise<Ended | null> => {
  const { pk, sk } = itemKey.deployment(app, generation)
  const [found = null] = await queryAll(table, deploymentItemSchema, {
    KeyConditionExpression: 'pk = :pk AND sk = :sk',
    ExpressionAttributeValues: { ':pk': pk, ':sk': sk },
  })
  return found
}

/** For people and for `status`; the answers to each command are items of their own. */
export const createHistory = (table: JournalTable): History => ({
  recordRelease: (app, release) => recordOpened(table, app, release),

  hasRelease: createHasRelease(table),

  recordDeployment: (app, deployment) => recordDeployment(table, app, deployment),

  recordSteps: async (app, steps) => {
    await Promise.all(steps.map((step) => recordStep(table, app, step)))
  },

  // A deployment that has expired needs no mark any more.
  recordRolledBack: async (app, generation, by) => {
    await updateItem(table, itemKey.deployment(app, generation), {
      UpdateExpression: 'SET #status = :rolledBack, rolledBackBy = :by',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':rolledBack': 'rolled_back', ':by': by },
    })
  },

  loadDeployment: (app, generation) => loadDeployment(table, app, generation),

  // The newest first.
  loadDeployments: (app, limit) => {
    const query = {
      KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': historyPartition(app), ':prefix': deploymentPrefix },
      ScanIndexForward: false,
    }
    return queryAll(table, deploymentItemSchema, query, limit)
  },

  loadSteps: (app, generation) =>
    queryAll(table, stepSchema, {
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': stepPartition(app, generation) },
    }),
})

export const createPast = (table: JournalTable): Past => ({
  list: (app, limit, before) => {
    const last = before === null ? `${deploymentPrefix}~` : itemKey.deployment(app, before).sk
    const query = {
      // BETWEEN includes its ends: one more is read where `before` is there itself.
      KeyConditionExpression: 'pk = :pk AND sk BETWEEN :first AND :last',
      ExpressionAttributeValues: {
        ':pk': historyPartition(app),
        ':first': deploymentPrefix,
        ':last': last,
      },
      ScanIndexForward: false,
    }
    const more = before === null ? 0 : 1
    return queryAll(table, deploymentItemSchema, query, limit + more).then((found) =>
      found.filter(({ generation }) => generation !== before).slice(0, limit),
    )
  },

  load: async (app, generation) => {
    const key = itemKey.deployment(app, generation)
    const item = await readItem(table, key)
    return item && parseItem(deploymentItemSchema, key, item)
  },
})
