import * as z from 'zod'
import type { Answer } from '../../deployment/step.ts'
import { Digest, Generation, type InstanceId } from '../../kernel/id.ts'
import { parseJson } from '../../kernel/json.ts'
import { isReason, type Reason } from '../../kernel/reason.ts'
import { maxMessageLength } from '../answers.ts'
import type { Invocation } from './ports.ts'

const mark = 'landfall/1 '

const HostServing = z.object({ generation: Generation, digest: Digest })

/** The first line that each host script prints; docs/host.md describes it. */
const HostResult = z.object({
  outcome: z.enum(['succeeded', 'failed', 'refused']),
  reason: z.string(),
  message: z
    .string()
    .default('')
    .transform((text) => text.slice(0, maxMessageLength)),
  // The document lets 12 digits through; a higher fence could never be sent again.
  fenceSeen: z.number().int().min(0).max(999_999_999_999).nullish(),
  serving: HostServing.nullish(),
  steps: z
    .array(
      z.object({
        name: z.string(),
        status: z.enum(['succeeded', 'failed', 'skipped', 'timed_out', 'cancelled']),
        ms: z.number().nullish(),
        reason: z.string().nullish(),
      }),
    )
    .default([]),
  tail: z.array(z.string()).default([]),
  certificate: z.string().nullish(),
})
export type HostResult = z.infer<typeof HostResult>

/** What `host/plan.sh` answers: an instance as a deployment would find it. docs/host.md describes it. */
const HostPlan = z.object({
  outcome: z.literal('succeeded'),
  serving: HostServing.nullable(),
  /** The engine's version; empty if it does not answer. */
  docker: z.string(),
  /** As `uname -m` prints it. */
  machine: z.string(),
  missing: z.array(z.string()),
  freeBytes: z.number(),
  memoryBytes: z.number(),
  owner: z.string(),
  pulled: z.boolean(),
  /** The container that has the port; empty if none has. */
  holder: z.string(),
  replacesRuns: z.boolean(),
  /** Why no rule can keep containers from the metadata service here; empty if one can. */
  firewall: z.string(),
  obstacles: z.array(z.object({ reason: z.string(), message: z.string() })),
})
export type HostPlan = z.infer<typeof HostPlan>

const readResultLine = (output: string): unknown => {
  const line = output.split('\n').find((one) => one.startsWith(mark))
  return line === undefined ? null : parseJson(z.unknown(), line.slice(mark.length))
}

/** The result line of a host script's output; null if there is none that can be read. */
export const parseHostResult = (output: string): HostResult | null =>
  HostResult.safeParse(readResultLine(output)).data ?? null

/** Null if the script did not get so far. */
export const parseHostPlan = (output: string): HostPlan | null =>
  HostPlan.safeParse(readResultLine(output)).data ?? null

export const toResultReason = (code: string | null | undefined): Reason | null =>
  code !== null && code !== undefined && isReason(code) ? code : null

/** The lines after the result line are the end of the log. */
const tailOf = (result: HostResult, output: string): readonly string[] => {
  if (result.tail.length > 0) return result.tail
  const lines = output.split('\n')
  const at = lines.findIndex((one) => one.startsWith(mark))
  return lines
    .slice(at + 1)
    .filter((line) => line.trim() !== '')
    .slice(-40)
}

export const toAnswer = (id: InstanceId, result: HostResult, output: string): Answer => ({
  id,
  outcome: result.outcome,
  reason: toResultReason(result.reason),
  message: result.message === '' ? null : result.message,
  serving: result.serving ?? null,
  fenceSeen: result.reason === 'superseded_fence' ? (result.fenceSeen ?? null) : null,
  steps: result.steps.map(({ name, status, ms, reason }) => ({
    name,
    status,
    milliseconds: ms ?? null,
    reason: toResultReason(reason),
  })),
  tail: result.outcome === 'succeeded' ? [] : tailOf(result, output),
})

/** Whether an invocation has ended. */
export const isTerminal = (invocation: Invocation | undefined): invocation is Invocation =>
  ['Success', 'Cancelled', 'TimedOut', 'Failed'].includes(invocation?.status ?? '')

/** Why an invocation ended without a result line, as far as SSM tells. */
export const explainLoss = ({
  statusDetails,
  output,
}: Invocation): { readonly reason: Reason; readonly message: string } => {
  if (statusDetails === 'Undeliverable')
    return { reason: 'instance_offline', message: 'SSM: Undeliverable' }
  // An agent that cannot write its files fails in a second, without output.
  if (statusDetails === 'Failed' && output === '')
    return { reason: 'disk_full', message: 'no output at all: is the disk full?' }
  return { reason: 'no_answer', message: `SSM: ${statusDetails}` }
}
