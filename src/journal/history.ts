import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import type { Ended } from '../deployment/deployment.ts'
import type { StepRecord } from '../deployment/step.ts'
import { Generation, InstanceId, type AppName } from '../kernel/id.ts'
import type { History } from '../rollout/journal.ts'
import { isWritten } from './conditional.ts'
import { endedSchema, purposeSchema } from './deployment-schema.ts'
import { packDeployment, unpackDeployment } from './head-lists.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import { appPartition, deploymentKey, deploymentPrefix, stepKey, stepPartition } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { queryItems } from './list.ts'
import { toItemKey, type Item, type JournalTable } from './table.ts'

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

/** Counted from the ending, not from the write: the same deployment gives the same item. */
const toDeploymentItem = (app: AppName, deployment: Ended): Item => ({
  ...deploymentKey(app, deployment.generation),
  schemaVersion,
  app,
  ...packDeployment(deployment),
  expiresAt: expiresAt(deployment.endedAt, 'deployment'),
})

const toStepItem = (app: AppName, step: StepRecord): Item => ({
  ...stepKey(app, step),
  schemaVersion,
  app,
  ...step,
  expiresAt: expiresAt(step.at, 'step'),
})

const put = async (table: JournalTable, item: Item): Promise<void> => {
  await table.documents().send(new PutCommand({ TableName: table.name, Item: item }))
}

const parseAll = <Value>(schema: z.ZodType<Value>, items: readonly Item[]): readonly Value[] =>
  items.map((item) => parseItem(schema, toItemKey(item), item))

/** A late repetition does not undo that it was taken back since. */
const recordDeployment = async (
  table: JournalTable,
  app: AppName,
  deployment: Ended,
): Promise<void> => {
  const order = new PutCommand({
    TableName: table.name,
    Item: toDeploymentItem(app, deployment),
    ConditionExpression:
      'attribute_not_exists(rolledBackBy) OR attribute_type(rolledBackBy, :null)',
    ExpressionAttributeValues: { ':null': 'NULL' },
  })
  await isWritten(table.documents().send(order))
}

/** One that is older than the journal remembers needs no mark any more. */
const recordRolledBack = async (
  table: JournalTable,
  app: AppName,
  generation: Generation,
  by: Generation,
): Promise<void> => {
  const order = new UpdateCommand({
    TableName: table.name,
    Key: deploymentKey(app, generation),
    UpdateExpression: 'SET #status = :rolledBack, rolledBackBy = :by',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: { ':rolledBack': 'rolled_back', ':by': by },
  })
  await isWritten(table.documents().send(order))
}

/** What happened, for people and for `status`; each command's answers are their own items. */
export const createHistory = (table: JournalTable): History => ({
  recordDeployment: (app, deployment) => recordDeployment(table, app, deployment),

  recordSteps: async (app, steps) => {
    await Promise.all(steps.map((step) => put(table, toStepItem(app, step))))
  },

  recordRolledBack: (app, generation, by) => recordRolledBack(table, app, generation, by),

  // The newest first.
  loadDeployments: async (app, limit) =>
    parseAll(
      deploymentItemSchema,
      await queryItems(
        table,
        {
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': appPartition(app), ':prefix': deploymentPrefix },
          ScanIndexForward: false,
          ConsistentRead: true,
        },
        limit,
      ),
    ),

  loadSteps: async (app, generation) =>
    parseAll(
      stepSchema,
      await queryItems(table, {
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': stepPartition(app, generation) },
        ConsistentRead: true,
      }),
    ),
})
