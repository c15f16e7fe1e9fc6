import * as z from 'zod'

/** An answer of a function as its schema has it, in values that nobody changes. */
export type AnswerOf<Schema extends z.ZodType> = Unchanged<z.output<Schema>>

type Unchanged<Value> = Value extends readonly (infer Item)[]
  ? readonly Unchanged<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Unchanged<Value[Key]> }
    : Value

/** The answer of a function that did nothing. */
export const RefusedAnswer = z.object({
  outcome: z.literal('refused'),
  /** A section of docs/reasons.md. */
  reason: z.string(),
  message: z.string(),
})

/** Of `cancel`, `freeze`, `unfreeze` and `renew-proxy`; those of `redeploy` and `rollback` say more. */
export const AcceptedAnswer = z.object({
  outcome: z.literal('accepted'),
  reason: z.string(),
  message: z.string(),
})

export type AcceptedAnswer = AnswerOf<typeof AcceptedAnswer>

export const RedeployAnswer = AcceptedAnswer.extend({
  app: z.string(),
  /** Null where a repeated call does not name it. */
  revision: z.string().nullable(),
  promotedFrom: z.object({ app: z.string(), generation: z.number() }).optional(),
  /** The open deployment that brings this revision out already. */
  generation: z.number().optional(),
})
export type RedeployAnswer = AnswerOf<typeof RedeployAnswer>

export const RollbackAnswer = AcceptedAnswer.extend({
  app: z.string(),
  /** Left out, as `to`, where the call is repeated. */
  takesBack: z.number().nullable().optional(),
  to: z
    .object({ generation: z.number(), commit: z.string().nullable(), digest: z.string() })
    .nullable()
    .optional(),
})
export type RollbackAnswer = AnswerOf<typeof RollbackAnswer>
