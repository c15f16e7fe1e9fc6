import type { Reason } from '../../kernel/reason.ts'
import type { Invocation } from './ports.ts'
import { findUnreadable } from './result.ts'

/**
 * The last two lines, where the agent writes why a script failed (`failed to run commands: exit status 126`), without
 * the title that parts the streams in a listing. Whole: a part of a secret would not be masked.
 */
const readLastWords = (output: string): string =>
  output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^-+ERROR-+$/.test(line))
    .slice(-2)
    .join('; ')

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
  const words = readLastWords(output)
  if (/no space left on device/i.test(output)) return { reason: 'disk_full', message: words }
  // An agent that cannot write its files at all fails in a second, without output.
  if (statusDetails === 'Failed' && output === '')
    return {
      reason: 'disk_full',
      message: 'no output at all: is the disk full, out of inodes or read-only?',
    }
  const code = exitCode === null ? '' : `, exit code ${exitCode}`
  const said = `SSM: ${statusDetails}${code}${words === '' ? '' : `: ${words}`}`
  return { reason: 'no_answer', message: findUnreadable(output) ?? said }
}
