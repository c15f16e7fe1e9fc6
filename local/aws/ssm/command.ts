import * as z from 'zod'

export const InvocationStatus = z.enum([
  'Pending',
  'InProgress',
  'Success',
  'Failed',
  'TimedOut',
  'Cancelled',
])
export type InvocationStatus = z.infer<typeof InvocationStatus>

/** One instance's part of a command. `responseCode` is -1 until the script has ended. */
export const Invocation = z.object({
  instanceId: z.string(),
  instanceName: z.string(),
  status: InvocationStatus,
  statusDetails: z.string(),
  startedAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
  responseCode: z.number().int(),
  /** Its agent has begun the script, and does not only keep it. */
  begun: z.boolean().optional(),
  /** Of the agent's reply: both streams in one, and each. */
  output: z.string().default(''),
  stdout: z.string(),
  stderr: z.string(),
})
export type Invocation = z.infer<typeof Invocation>

export const Command = z.object({
  id: z.uuid(),
  documentName: z.string(),
  comment: z.string(),
  parameters: z.record(z.string(), z.array(z.string())),
  instanceIds: z.array(z.string()),
  targets: z.array(z.object({ Key: z.string(), Values: z.array(z.string()) })),
  requestedAt: z.iso.datetime(),
  timeoutSeconds: z.number().int(),
  /** What has not begun by then never does. */
  startBefore: z.iso.datetime(),
  /** `ExpiresAfter`: delivery and execution timeout together. */
  expiresAt: z.iso.datetime(),
  cancelled: z.boolean(),
  invocations: z.array(Invocation),
})
export type Command = z.infer<typeof Command>

export const isOver = ({ status }: Invocation): boolean =>
  status !== 'Pending' && status !== 'InProgress'

const precedence = ['InProgress', 'Pending', 'Failed', 'TimedOut', 'Cancelled', 'Success'] as const

/** The command's own status, which lies by design: it says nothing of the single instance. */
export const toCommandStatus = (command: Command): string => {
  const statuses = new Set(command.invocations.map(({ status }) => status))
  if (command.cancelled && !command.invocations.every(isOver)) return 'Cancelling'
  if (statuses.has('Pending') && statuses.size > 1 && !statuses.has('InProgress'))
    return 'InProgress'
  return precedence.find((status) => statuses.has(status)) ?? 'Success'
}
