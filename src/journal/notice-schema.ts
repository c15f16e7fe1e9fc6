import * as z from 'zod'
import type { Operation } from '../deployment/head.ts'
import { channels, noticeKinds, type PendingNotice } from '../deployment/notice.ts'
import { Commit, Digest, Generation } from '../kernel/id.ts'
import { toldKindSchema } from './deployment-schema.ts'
import { instantSchema, reasonSchema } from './item.ts'

export const noticeSchema: z.ZodType<PendingNotice> = z.object({
  id: z.string(),
  kind: z.enum(noticeKinds),
  at: instantSchema,
  by: z.string(),
  reason: reasonSchema.nullable(),
  message: z.string().nullable(),
  deployment: z
    .object({
      generation: Generation,
      kind: toldKindSchema,
      commit: Commit.nullable(),
      digest: Digest,
      environment: z.string(),
      takesBack: Generation.nullable(),
      afterPredeploy: z.boolean(),
    })
    .nullable(),
  sentTo: z.array(z.enum(channels)),
  tries: z.number(),
  dueAt: instantSchema,
  claimedUntil: instantSchema.nullable(),
})

export const operationSchema: z.ZodType<Operation> = z.object({
  id: z.string(),
  kind: z.enum(['redeploy', 'rollback', 'cancel', 'freeze', 'unfreeze']),
  by: z.string(),
  at: instantSchema,
})
