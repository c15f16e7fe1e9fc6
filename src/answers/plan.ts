import * as z from 'zod'
import type { AnswerOf } from './answer.ts'

const FindingAnswer = z.object({
  level: z.enum(['problem', 'warning', 'fine']),
  what: z.string(),
  message: z.string(),
  reason: z.string().optional(),
  instance: z.string().optional(),
})

/** What `plan` answers. */
export const PlanAnswer = z.object({
  app: z.string(),
  /** Whether a deployment would succeed, as far as can be seen from there. */
  ok: z.boolean(),
  would: z.string(),
  findings: z.array(FindingAnswer),
  revision: z.object({
    from: z.string(),
    id: z.string().nullable(),
    digest: z.string().nullable(),
  }),
  live: z.object({ generation: z.number(), digest: z.string() }).nullable(),
  instances: z.array(
    z.object({
      id: z.string(),
      name: z.string().nullable(),
      online: z.boolean(),
      wave: z.number(),
      would: z.array(z.string()),
    }),
  ),
})
export type PlanAnswer = AnswerOf<typeof PlanAnswer>

/** What `hooks` answers: the webhooks to enter, app by app. */
export const HooksAnswer = z.array(
  z.object({
    app: z.string(),
    hooks: z.array(
      z.object({
        sender: z.string(),
        page: z.string(),
        url: z.string().nullable(),
        contentType: z.string(),
        events: z.array(z.string()),
        secret: z.string(),
      }),
    ),
  }),
)
export type HooksAnswer = AnswerOf<typeof HooksAnswer>
