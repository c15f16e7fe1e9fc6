import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import type { Deployment } from '../deployment/head.ts'
import type { StepRecord } from '../deployment/step.ts'
import { Generation, InstanceId, type AppName } from '../kernel/id.ts'
import type { History } from '../rollout/journal.ts'
import { deploymentSchema, purposeSchema } from './deployment-schema.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import { deploymentKey, deploymentPrefix, headKey, stepKey, stepPartition } from './keys.ts'
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

/** Counted from the ending, not from the write: the same deployment gives the same item. */
const toDeploymentItem = (app: AppName, deployment: Deployment): Item => ({
  ...deploymentKey(app, deployment.generation),
  schemaVersion,
  app,
  ...deployment,
  expiresAt: expiresAt(deployment.endedAt ?? deployment.openedAt, 'deployment'),
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

/** What happened, for people and for `status`; each command's answers are their own items. */
export const createHistory = (table: JournalTable): History => ({
  recordDeployment: (app, deployment) => put(table, toDeploymentItem(app, deployment)),

  recordSteps: async (app, steps) => {
    await Promise.all(steps.map((step) => put(table, toStepItem(app, step))))
  },

  // The newest first.
  loadDeployments: async (app, limit) =>
    parseAll(
      deploymentSchema,
      await queryItems(
        table,
        {
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': headKey(app).pk, ':prefix': deploymentPrefix },
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
