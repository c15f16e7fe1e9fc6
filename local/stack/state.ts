import { mkdirSync, statSync } from 'node:fs'
import { StartError } from '../base/listen.ts'

/** Under sudo it may be of the user who called that. */
const isOwn = (uid: number): boolean => {
  const own = process.getuid?.() ?? uid
  return uid === own || (own === 0 && String(uid) === process.env['SUDO_UID'])
}

/**
 * Makes the directory that a stack keeps everything in, for its user alone: what is below it (tables,
 * images, scripts, keys) may have any mode. One that is there is not changed: `--state-dir` may name any directory.
 */
export const openState = (state: string): void => {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  const { mode, uid } = statSync(state)
  if (!isOwn(uid))
    throw new StartError(
      'The state directory belongs to another user of this machine; choose another --state-dir.',
    )
  if ((mode & 0o077) !== 0)
    throw new StartError(
      `The state directory is open to other users of this machine; run: chmod 700 ${state}, or choose another --state-dir.`,
    )
}
