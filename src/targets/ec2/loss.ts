import type { Reason } from '../../kernel/reason.ts'
import type { Invocation } from './ports.ts'

const terminal = ['Success', 'Cancelled', 'TimedOut', 'Failed']

/** Whether nothing more is to come of an invocation. */
export const isTerminal = (invocation: Invocation | undefined): invocation is Invocation =>
  invocation !== undefined && terminal.includes(invocation.status)

/** What SSM says of an invocation that ended and brought no word of the host script. */
export const explainLoss = ({
  statusDetails,
  output,
}: Invocation): { readonly reason: Reason; readonly message: string } => {
  if (statusDetails === 'Undeliverable')
    return { reason: 'instance_offline', message: 'SSM: Undeliverable' }
  // The agent itself fails in a second, and says nothing, when it cannot write its files.
  if (statusDetails === 'Failed' && output === '')
    return { reason: 'disk_full', message: 'no output at all: is the disk full?' }
  return { reason: 'no_answer', message: `SSM: ${statusDetails}` }
}
