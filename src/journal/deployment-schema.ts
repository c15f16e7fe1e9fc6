import * as z from 'zod'
import type {
  Deployment,
  Finished,
  InstanceState,
  Intent,
  Release,
  Serving,
} from '../deployment/head.ts'
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

/** A history from before targets had keys names them by their place: shown nowhere, and kept as it is. */
const targetSchema = z.union([
  TargetKey,
  z.number().transform((place) => TargetKey.parse(`place:${place}`)),
])

const servingSchema: z.ZodType<Serving> = z.object({ generation: Generation, digest: Digest })

const instanceSchema: z.ZodType<InstanceState> = z.object({
  id: InstanceId,
  target: targetSchema,
  wave: z.number(),
  status: z.enum(['unseen', 'pending', 'succeeded', 'failed', 'lost', 'restored', 'unknown']),
  touched: z.boolean(),
  retries: z.number(),
  serving: servingSchema.nullable(),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
})

export const purposeSchema = z.enum(['prepare', 'deploy', 'restore'])

const intentSchema: z.ZodType<Intent> = z
  .object({
    purpose: purposeSchema,
    target: targetSchema,
    instances: z.array(InstanceId),
    fence: Fence,
    // Not yet there in records of the first Landfall.
    since: instantSchema.optional(),
    at: instantSchema,
    repeated: z.boolean(),
    operation: z.string().nullable(),
    deadlineAt: instantSchema,
    hostSeconds: z.number(),
  })
  .transform((intent) => ({ ...intent, since: intent.since ?? intent.at }))

export const toldKindSchema = z.enum(['deploy', 'redeploy', 'rollback'])

const kindSchema = z.enum([...toldKindSchema.options, 'converge'])

const statusSchema = z.enum([
  'queued',
  'in_progress',
  'succeeded',
  'failed',
  'cancelled',
  'rolled_back',
])

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

/** What has a default was not yet there in records of the first Landfall. */
export const deploymentSchema: z.ZodType<Deployment> = z.object({
  generation: Generation,
  kind: kindSchema,
  by: z.string(),
  status: statusSchema,
  stage: z.enum(['rolling', 'restoring', 'ended']),
  openedAt: instantSchema,
  deadlineAt: instantSchema,
  sentAt: instantSchema.nullable().default(null),
  endedAt: instantSchema.nullable(),
  release: releaseSchema,
  firing: z.array(z.string()).default([]),
  takesBack: Generation.nullable().default(null),
  rolledBackBy: Generation.nullable().default(null),
  instances: z.array(instanceSchema),
  intent: intentSchema.nullable(),
  pausedUntil: instantSchema.nullable().default(null),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
})
