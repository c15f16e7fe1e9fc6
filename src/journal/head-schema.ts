import * as z from 'zod'
import type { Promotion } from '../deployment/app.ts'
import type { Deployment, Ended, Intent, Release } from '../deployment/deployment.ts'
import type { Finished, Head } from '../deployment/head.ts'
import { channels, noticeKinds, type PendingNotice } from '../deployment/notice.ts'
import {
  AppName,
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  RevisionId,
  TargetKey,
} from '../kernel/id.ts'
import { instantSchema, reasonSchema } from './item.ts'
import { originSchema } from './origin-schema.ts'
import { settingsSchema } from './settings-schema.ts'

const promotionSchema: z.ZodType<Promotion> = z.looseObject({
  app: AppName,
  generation: Generation,
})

export const releaseSchema: z.ZodType<Release> = z.looseObject({
  generation: Generation,
  revision: RevisionId,
  commit: Commit.nullable(),
  digest: Digest,
  secretVersion: z.string().nullable(),
  origin: originSchema,
  settings: settingsSchema,
  promotedFrom: promotionSchema.nullable().default(null),
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

/** Those that notices tell of. */
const numberedKindSchema = z.enum(['deploy', 'redeploy', 'rollback'])

const kindSchema = z.enum([...numberedKindSchema.options, 'repair'])

const statusSchema = z.enum(['succeeded', 'failed', 'cancelled', 'rolled_back'])

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
  instances: z.array(
    z.object({
      id: InstanceId,
      target: TargetKey,
      wave: z.number(),
      status: z.enum(['unseen', 'pending', 'succeeded', 'failed', 'lost', 'restored', 'unknown']),
      touched: z.boolean(),
      retries: z.number(),
      serving: z.object({ generation: Generation, digest: Digest }).nullable(),
      reason: reasonSchema.nullable(),
      message: z.string().nullable(),
    }),
  ),
}

export const endedSchema = z.object({
  ...openedFields,
  phase: z.literal('ended'),
  status: statusSchema,
  endedAt: instantSchema,
  reason: reasonSchema,
  message: z.string().nullable(),
  rolledBackBy: Generation.nullable(),
}) satisfies z.ZodType<Ended>

const deploymentSchema: z.ZodType<Deployment> = z.discriminatedUnion('phase', [
  z.object({
    ...openedFields,
    phase: z.literal('advancing'),
    isStarted: z.boolean(),
    intent: intentSchema.nullable(),
    pausedUntil: instantSchema.nullable(),
    message: z.string().nullable(),
  }),
  z.object({
    ...openedFields,
    phase: z.literal('withdrawing'),
    intent: intentSchema.nullable(),
    reason: reasonSchema,
    message: z.string().nullable(),
  }),
  endedSchema,
])

const finishedSchema: z.ZodType<Finished> = z.object({
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

const noticeSchema: z.ZodType<PendingNotice> = z.object({
  id: z.string(),
  kind: z.enum(noticeKinds),
  at: instantSchema,
  by: z.string(),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
  deployment: z
    .object({
      generation: Generation,
      kind: numberedKindSchema,
      commit: Commit.nullable(),
      digest: Digest,
      environment: z.string(),
      takesBack: Generation.nullable(),
      afterPredeploy: z.boolean(),
      origin: originSchema,
      promotedFrom: promotionSchema.nullable().default(null),
    })
    .nullable(),
  sentTo: z.array(z.enum(channels)),
  tries: z.number(),
  dueAt: instantSchema,
  claimedUntil: instantSchema.nullable(),
})

/** A head without its app and version, which are attributes of their own. */
export const headBodySchema = z.object({
  generation: Generation,
  deployment: deploymentSchema.nullable(),
  releases: z.array(releaseSchema),
  request: z
    .object({
      revision: RevisionId.nullable(),
      promoted: z
        .object({
          app: AppName,
          generation: Generation,
          commit: Commit.nullable(),
          digest: Digest,
        })
        .nullable()
        .default(null),
      force: z.boolean(),
      by: z.string(),
      at: instantSchema,
      refusal: reasonSchema.nullable(),
    })
    .nullable(),
  rollback: z
    .object({
      kind: z.enum(['rollback', 'cancel']),
      generation: Generation,
      to: Generation.nullable(),
      reason: z.enum(['alarm_fired', 'rolled_back', 'cancelled']),
      by: z.string(),
      at: instantSchema,
      refusal: reasonSchema.nullable(),
    })
    .nullable(),
  freeze: z.object({ reason: z.string(), by: z.string(), at: instantSchema }).nullable(),
  quarantine: z.array(
    z.union([
      Commit,
      Digest,
      z.object({
        digest: Digest,
        secretVersion: z.string().nullable(),
        env: z.record(z.string(), z.string()),
      }),
    ]),
  ),
  finished: z.array(finishedSchema),
  alarmsUntil: instantSchema.nullable(),
  notices: z.array(noticeSchema),
  operations: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['redeploy', 'rollback', 'cancel', 'freeze', 'unfreeze']),
      by: z.string(),
      at: instantSchema,
    }),
  ),
  observed: z.array(
    z.object({
      id: InstanceId,
      target: TargetKey,
      generation: Generation.nullable(),
      at: instantSchema,
      tries: z.number(),
      reason: reasonSchema.nullable(),
    }),
  ),
  mark: z.object({ createdAt: instantSchema, number: z.number() }).nullable(),
  poller: z.object({ by: z.string(), until: instantSchema }).nullable(),
}) satisfies z.ZodType<Omit<Head, 'app' | 'version'>>
