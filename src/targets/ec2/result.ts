import * as z from 'zod'
import type { Answer } from '../../deployment/step.ts'
import { Digest, Generation, type InstanceId } from '../../kernel/id.ts'
import { parseJson } from '../../kernel/json.ts'
import { isReason, type Reason } from '../../kernel/reason.ts'
import { toMaskedLine, toPlainLine } from '../../kernel/plain-line.ts'
import { maxMessageLength } from '../answers.ts'
import type { Invocation } from './ports.ts'

const mark = 'landfall/1 '

/** SSM hands on 24,000 bytes of an output at most; these bound what of it is kept, whoever hands it on. */
const most = {
  steps: 50,
  tailLines: 40,
  tailCharacters: 500,
  /** Of the plan's lists; the script names four obstacles at most. */
  entries: 20,
  /** The script stops at 400 characters, and the shortest, "rm", takes 5 of them. */
  losses: 80,
  nameCharacters: 128,
} as const

/** A number is kept in the journal, whose table takes none beyond 10^125. */
const Count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** The document lets 9 digits through. */
const HostServing = z.object({ generation: Generation.max(999_999_999), digest: Digest })

/** A stranger's words. */
const Name = z.string().transform((text) => toPlainLine(text, most.nameCharacters))
const Message = z.string().transform((text) => toPlainLine(text, maxMessageLength))

/**
 * The first line that each host script prints; docs/host.md describes it. Its `message` and `tail` are as the host wrote
 * them: they may hold a secret, which a shorter text might hide only in part.
 */
const HostResult = z.object({
  outcome: z.enum(['succeeded', 'failed', 'refused']),
  reason: z.string(),
  message: z.string().default(''),
  // The document lets 12 digits through.
  fenceSeen: Count.max(999_999_999_999).nullish(),
  serving: HostServing.nullish(),
  steps: z
    .array(
      z.object({
        name: Name,
        status: z.enum(['succeeded', 'failed', 'skipped', 'timed_out', 'cancelled']),
        // Negative where the instance's clock was set back.
        ms: Count.nullish().catch(null),
        reason: z.string().nullish(),
      }),
    )
    .max(most.steps)
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
  docker: Name,
  /** As `uname -m` prints it. */
  machine: Name,
  missing: z.array(Name).max(most.entries),
  freeBytes: Count,
  memoryBytes: Count,
  owner: Name,
  pulled: z.boolean(),
  /** The container that has the port; empty if none has. */
  holder: Name,
  replacesRuns: z.boolean(),
  /** What the container that `replaces` names has and a new one would not get: `env DEBUG`. */
  losses: z.array(Name).max(most.losses),
  /** What the proxy of the app's address was created from: a digest, or a tag of the time before; empty if none runs. */
  proxy: Name,
  /** Why no rule can keep containers from the metadata service here; empty if one can. */
  firewall: Name,
  obstacles: z.array(z.object({ reason: z.string(), message: Message })).max(most.entries),
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
  if (result.tail.length > 0) return result.tail.slice(-most.tailLines)
  const lines = output.split('\n')
  const at = lines.findIndex((one) => one.startsWith(mark))
  return lines
    .slice(at + 1)
    .filter((line) => line.trim() !== '')
    .slice(-most.tailLines)
}

/** Its message and tail are still as the host wrote them: `toSafeAnswer` is for anything that keeps or shows them. */
export const toAnswer = (id: InstanceId, result: HostResult, output: string): Answer => ({
  id,
  outcome: result.outcome,
  reason: toResultReason(result.reason),
  message: result.message === '' ? null : result.message,
  serving: result.serving ?? null,
  fenceSeen:
    result.outcome === 'refused' && result.reason === 'superseded_fence'
      ? (result.fenceSeen ?? null)
      : null,
  isKeyNew: false,
  steps: result.steps.map(({ name, status, ms, reason }) => ({
    name,
    status,
    milliseconds: ms ?? null,
    reason: toResultReason(reason),
  })),
  tail: result.outcome === 'succeeded' ? [] : tailOf(result, output),
})

/** The words of an answer for people: without secrets, as single lines and within their limits. */
export const toSafeAnswer = (answer: Answer, mask: (text: string) => string): Answer => ({
  ...answer,
  message: answer.message === null ? null : toMaskedLine(answer.message, mask, maxMessageLength),
  tail: answer.tail.map((line) => toMaskedLine(line, mask, most.tailCharacters)),
})

/** Whether an invocation has ended. */
export const isTerminal = (invocation: Invocation | undefined): invocation is Invocation =>
  ['Success', 'Cancelled', 'TimedOut', 'Failed'].includes(invocation?.status ?? '')

/** The first field of a result line that cannot be read; null if there is no such line. */
export const findUnreadable = (output: string): string | null => {
  if (!output.includes(mark)) return null
  const [issue] = HostResult.safeParse(readResultLine(output)).error?.issues ?? []
  return `its result line cannot be read: ${issue?.path.join('.') || 'it is not a JSON object'}`
}
