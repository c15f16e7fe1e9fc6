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

/** What has a default was not yet there in records of the first Landfall. */
const opened = {
  generation: Generation,
  kind: kindSchema,
  by: z.string(),
  openedAt: instantSchema,
  deadlineAt: instantSchema,
  sentAt: instantSchema.nullable().default(null),
  release: releaseSchema,
  firing: z.array(z.string()).default([]),
  takesBack: Generation.nullable().default(null),
  instances: z.array(instanceSchema),
}

const advancingSchema = z.object({
  ...opened,
  phase: z.literal('advancing'),
  isStarted: z.boolean(),
  intent: intentSchema.nullable(),
  pausedUntil: instantSchema.nullable(),
  message: z.string().nullable(),
})

const withdrawingSchema = z.object({
  ...opened,
  phase: z.literal('withdrawing'),
  intent: intentSchema.nullable(),
  reason: reasonSchema,
  message: z.string().nullable(),
})

const ended = {
  ...opened,
  status: statusSchema,
  endedAt: instantSchema,
  reason: reasonSchema,
  message: z.string().nullable(),
  rolledBackBy: Generation.nullable().default(null),
}

/** Of the history, whose first records did not name the phase. */
export const endedSchema: z.ZodType<Ended> = z.object({
  ...ended,
  phase: z.literal('ended').default('ended'),
})

/** Of a head. */
export const deploymentSchema: z.ZodType<Deployment> = z.discriminatedUnion('phase', [
  advancingSchema,
  withdrawingSchema,
  z.object({ ...ended, phase: z.literal('ended') }),
])
