import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { findProgram } from './packages.ts'

/** util-linux's, which every Debian has. BusyBox has one too, without this option. */
const findSetpriv = (): string | null => {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : null
  if (setpriv === null) return null
  return spawnSync(setpriv, ['--pdeathsig', 'TERM', 'true']).status === 0 ? setpriv : null
}

let found: string | null | undefined

/**
 * Spawns a program that must not outlive this process: the kernel sends it SIGTERM when this process
 * ends, also by SIGKILL, where nothing of ours runs any more. It is bound to the thread that spawns,
 * so call this from the main one. Elsewhere than on Linux it is a plain spawn.
 */
export const spawnBound = (
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess => {
  if (found === undefined) found = findSetpriv()
  // setpriv executes the program in its own place: the process id is the program's.
  return found === null
    ? spawn(program, args, options)
    : spawn(found, ['--pdeathsig', 'TERM', '--', program, ...args], options)
}
