import * as z from 'zod'

/** What `sender.ts` is to send: green runs, each of a commit of its own. */
export const SendOrder = z.object({
  url: z.string(),
  secret: z.string(),
  branch: z.string(),
  /** `acme/shop`, in turn. */
  repositories: z.array(z.string()),
  count: z.number(),
  /** Begun at this constant rate; null: as fast as the connections answer. */
  ratePerSecond: z.number().nullable(),
  connections: z.number(),
})
export type SendOrder = z.infer<typeof SendOrder>

/** What came of it. */
export const Sent = z.object({
  seconds: z.number(),
  /** From when each was due, not from when it could be sent: a queue in front counts. */
  milliseconds: z.array(z.number()),
  /** How many answers there were of each `202 accepted recorded`. */
  answers: z.record(z.string(), z.number()),
})
export type Sent = z.infer<typeof Sent>
