import type { Reason } from '../../kernel/reason.ts'
import type { Invocation } from './ports.ts'
import { findUnreadable } from './result.ts'

/**
 * Without the title that separates the streams in a listing. Each line is as it was written: a secret without its spaces, or
 * a part of one, would not be masked.
 */
const listLines = (output: string): readonly string[] =>
  output.split('\n').filter((line) => line.trim() !== '' && !/^-+ERROR-+\s*$/.test(line))

/**
 * Why an invocation ended without a result line that can be read, as far as SSM and its agent tell. The message is as
 * they wrote it: it is masked and cut by whoever keeps or shows it.
 */
export const explainLoss = ({
  statusDetails,
  exitCode,
  output,
}: Invocation): { readonly reason: Reason; readonly message: string } => {
  if (statusDetails === 'Undeliverable')
    return { reason: 'instance_offline', message: 'SSM: Undeliverable' }
  const unreadable = findUnreadable(output)
  if (unreadable !== null) return { reason: 'no_answer', message: unreadable }
  const lines = listLines(output)
  const full = lines.findLast((line) => /no space left on device/i.test(line))
  if (full !== undefined) return { reason: 'disk_full', message: full }
  // An agent that cannot write its files at all fails in a second, without output.
  if (statusDetails === 'Failed' && output === '')
    return {
      reason: 'disk_full',
      message: 'no output at all: is the disk full, out of inodes or read-only?',
    }
  const code = exitCode === null ? '' : `, exit code ${exitCode}`
  // Where the agent writes why a script failed: `failed to run commands: exit status 126`.
  const words = lines.slice(-2).join('; ')
  const message = `SSM: ${statusDetails}${code}${words === '' ? '' : `: ${words}`}`
  return { reason: 'no_answer', message }
}
