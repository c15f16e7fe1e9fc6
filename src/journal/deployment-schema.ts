import * as z from 'zod'
import type {
  Deployment,
  Ended,
  InstanceState,
  Intent,
  Release,
  Serving,
} from '../deployment/deployment.ts'
import type { Finished } from '../deployment/head.ts'
import {
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  RevisionId,
  TargetKey,
} from '../kernel/id.ts'
import { instantSchema, reasonSchema } from './item.ts'
import { appSchema } from './settings-schema.ts'

export const releaseSchema: z.ZodType<Release> = z.object({
  generation: Generation,
  revision: RevisionId,
  commit: Commit.nullable(),
  digest: Digest,
  secretVersion: z.string().nullable(),
  settings: appSchema,
})

const servingSchema: z.ZodType<Serving> = z.object({ generation: Generation, digest: Digest })

const instanceSchema: z.ZodType<InstanceState> = z.object({
  id: InstanceId,
  target: TargetKey,
  wave: z.number(),
  status: z.enum(['unseen', 'pending', 'succeeded', 'failed', 'lost', 'restored', 'unknown']),
  touched: z.boolean(),
  retries: z.number(),
  serving: servingSchema.nullable(),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
})

export const purposeSchema = z.enum(['prepare', 'deploy', 'restore'])

const intentSchema: z.ZodType<Intent> = z.object({
  purpose: purposeSchema,
  target: TargetKey,
  instances: z.array(InstanceId),
  fence: Fence,
  since: instantSchema,
  at: instantSchema,
  repeated: z.boolean(),
  operation: z.string().nullable(),
  deadlineAt: instantSchema,
  hostSeconds: z.number(),
})

export const toldKindSchema = z.enum(['deploy', 'redeploy', 'rollback'])

const kindSchema = z.enum([...toldKindSchema.options, 'repair'])

const statusSchema = z.enum(['succeeded', 'failed', 'cancelled', 'rolled_back'])

export const finishedSchema: z.ZodType<Finished> = z.object({
  generation: Generation,
  kind: kindSchema,
  status: statusSchema,
  commit: Commit.nullable(),
  digest: Digest,
  changed: z.boolean(),
  firing: z.array(z.string()),
  sentAt: instantSchema,
  endedAt: instantSchema,
})

const openedFields = {
  generation: Generation,
  kind: kindSchema,
  by: z.string(),
  openedAt: instantSchema,
  deadlineAt: instantSchema,
  sentAt: instantSchema.nullable(),
  release: releaseSchema,
  firing: z.array(z.string()),
  takesBack: Generation.nullable(),
  instances: z.array(instanceSchema),
}

const advancingSchema = z.object({
  ...openedFields,
  phase: z.literal('advancing'),
  isStarted: z.boolean(),
  intent: intentSchema.nullable(),
  pausedUntil: instantSchema.nullable(),
  message: z.string().nullable(),
})

const withdrawingSchema = z.object({
  ...openedFields,
  phase: z.literal('withdrawing'),
  intent: intentSchema.nullable(),
  reason: reasonSchema,
  message: z.string().nullable(),
})

export const endedSchema = z.object({
  ...openedFields,
  phase: z.literal('ended'),
  status: statusSchema,
  endedAt: instantSchema,
  reason: reasonSchema,
  message: z.string().nullable(),
  rolledBackBy: Generation.nullable(),
}) satisfies z.ZodType<Ended>

export const deploymentSchema: z.ZodType<Deployment> = z.discriminatedUnion('phase', [
  advancingSchema,
  withdrawingSchema,
  endedSchema,
])
