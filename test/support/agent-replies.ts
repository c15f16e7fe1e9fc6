import { readFileSync } from 'node:fs'
import * as z from 'zod'

/** A text, or its pieces: a repeated character as itself and how often. */
const Text = z
  .union([z.string(), z.array(z.union([z.string(), z.tuple([z.string(), z.number()])]))])
  .transform((text) =>
    [text]
      .flat()
      .map((piece) => (typeof piece === 'string' ? piece : piece[0].repeat(piece[1])))
      .join(''),
  )

const Recorded = z.object({
  what: z.string(),
  script: z.string(),
  /** What was done to it; null: it was let run to its end. */
  stop: z.enum(['cancelled', 'timed_out', 'worker_lost', 'disk_full']).nullable(),
  reply: z.object({
    status: z.string(),
    code: z.number(),
    output: Text,
    standardOutput: Text,
    standardError: Text,
  }),
})

/**
 * Replies of a real amazon-ssm-agent (built from its source of October 2024, with the code for ENV_VAR of a later one), as
 * it sent them.
 */
export const recordedReplies = z
  .array(Recorded)
  .parse(JSON.parse(readFileSync(new URL('agent-replies.json', import.meta.url), 'utf8')))

export const recordedReply = (stop: z.infer<typeof Recorded>['stop']) => {
  const found = recordedReplies.find((one) => one.stop === stop)
  if (found === undefined) throw new Error(`no reply recorded for ${stop}`)
  return found.reply
}
