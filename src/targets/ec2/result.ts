import * as z from 'zod'
import type { Serving } from '../../deployment/deployment.ts'
import type { Answer } from '../../deployment/step.ts'
import { Digest, Generation, type InstanceId } from '../../kernel/id.ts'
import { parseJson } from '../../kernel/json.ts'
import { isReason, type Reason } from '../../kernel/reason.ts'

const mark = 'landfall/1 '

/** It stands in the head, whose size is bounded. */
const maxResultMessage = 300

const ReportedStep = z.object({
  name: z.string(),
  status: z.enum(['succeeded', 'failed', 'skipped', 'timed_out', 'cancelled']),
  ms: z.number().nullish(),
  reason: z.string().nullish(),
})

/** The first line that both host scripts print; docs/host.md describes it. */
const HostResult = z.object({
  outcome: z.enum(['succeeded', 'failed', 'refused']),
  reason: z.string(),
  message: z
    .string()
    .default('')
    .transform((text) => text.slice(0, maxResultMessage)),
  // The document lets 12 digits through; more could never be sent again.
  fenceSeen: z.number().int().min(0).max(999_999_999_999).nullish(),
  serving: z.object({ generation: Generation, digest: Digest }).nullish(),
  steps: z.array(ReportedStep).default([]),
  tail: z.array(z.string()).default([]),
  certificate: z.string().nullish(),
})
export type HostResult = z.infer<typeof HostResult>

/** What stands in the result line of a host script's output; null where there is none. */
export const readResultLine = (output: string): unknown => {
  const line = output.split('\n').find((one) => one.startsWith(mark))
  return line === undefined ? null : parseJson(z.unknown(), line.slice(mark.length))
}

/** The result line of a host script's output; null where there is none that we can read. */
export const parseHostResult = (output: string): HostResult | null => {
  const parsed = HostResult.safeParse(readResultLine(output))
  return parsed.success ? parsed.data : null
}

export const toResultReason = (code: string | null | undefined): Reason | null =>
  code !== null && code !== undefined && isReason(code) ? code : null

/** Lines printed after the result line are the log's end, for people. */
const tailOf = (result: HostResult, output: string): readonly string[] => {
  if (result.tail.length > 0) return result.tail
  const lines = output.split('\n')
  const at = lines.findIndex((one) => one.startsWith(mark))
  return lines
    .slice(at + 1)
    .filter((line) => line.trim() !== '')
    .slice(-40)
}

export const toResultServing = (result: HostResult): Serving | null => result.serving ?? null

export const toAnswer = (id: InstanceId, result: HostResult, output: string): Answer => ({
  id,
  outcome: result.outcome,
  reason: toResultReason(result.reason),
  message: result.message === '' ? null : result.message,
  serving: toResultServing(result),
  fenceSeen: result.reason === 'superseded_fence' ? (result.fenceSeen ?? null) : null,
  steps: result.steps.map(({ name, status, ms, reason }) => ({
    name,
    status,
    milliseconds: ms ?? null,
    reason: toResultReason(reason),
  })),
  tail: result.outcome === 'succeeded' ? [] : tailOf(result, output),
})
