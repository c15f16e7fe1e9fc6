import { mkdirSync, statSync } from 'node:fs'
import { StartError } from '../base/listen.ts'

/**
 * Makes the directory that a stack keeps everything in, for its user alone: what is below it (tables,
 * images, scripts, keys) may have any mode. One that is there is not changed: it may be anybody's.
 */
export const openState = (state: string): void => {
  mkdirSync(state, { recursive: true, mode: 0o700 })
  if ((statSync(state).mode & 0o077) !== 0)
    throw new StartError(
      `The state directory is open to other users of this machine; run: chmod 700 ${state}, or choose another --state-dir.`,
    )
}
