import * as z from 'zod'
import { Digest, Generation } from '../../kernel/id.ts'
import { readResultLine } from './result.ts'

/** What host/plan.sh answers: an instance as a deployment would find it. docs/host.md describes it. */
const HostPlan = z.object({
  outcome: z.literal('succeeded'),
  serving: z.object({ generation: Generation, digest: Digest }).nullable(),
  /** Its version; empty where it does not answer. */
  docker: z.string(),
  /** As `uname -m` says it. */
  machine: z.string(),
  missing: z.array(z.string()),
  freeBytes: z.number(),
  memoryBytes: z.number(),
  owner: z.string(),
  pulled: z.boolean(),
  /** The container that has the port; empty where none has. */
  holder: z.string(),
  replacesRuns: z.boolean(),
  obstacles: z.array(z.object({ reason: z.string(), message: z.string() })),
})
export type HostPlan = z.infer<typeof HostPlan>

/** Null where the script did not get so far. */
export const parseHostPlan = (output: string): HostPlan | null => {
  const parsed = HostPlan.safeParse(readResultLine(output))
  return parsed.success ? parsed.data : null
}
