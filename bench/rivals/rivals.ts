import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { canHaveLanes, removeLeftLanes } from '../../test/run/lane.ts'
import { print } from '../report.ts'
import { openSite } from './site.ts'

const mostMinutes = 15

const runInside = async (asked: readonly string[]): Promise<number> => {
  await removeLeftLanes()
  const site = await openSite()
  const [program = '', ...enter] = site.lane.enter()
  const order = [...enter, process.execPath, join(import.meta.dirname, 'run.ts'), site.clients]
  // Whatever it leaves there when it is killed goes with this directory.
  const directory = mkdtempSync(join(tmpdir(), 'landfall-rivals-'))
  const env = { ...process.env, ...site.lane.environment, TMPDIR: directory }
  const child = spawn(program, [...order, ...asked], { env, stdio: 'inherit' })
  const timer = setTimeout(() => {
    print(`stopped after ${mostMinutes} minutes; the same command goes on after the last part`)
    child.kill('SIGKILL')
  }, mostMinutes * 60_000)
  const stop = (): void => void child.kill('SIGKILL')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  try {
    await once(child, 'exit')
    return child.exitCode === 0 ? 0 : 1
  } finally {
    clearTimeout(timer)
    await site.stop()
    rmSync(directory, { recursive: true })
  }
}

/** Landfall's proxy and switch beside others: 1 if a bar was missed or something could not be measured. */
export const measureRivals = async (asked: readonly string[]): Promise<number> => {
  if (!canHaveLanes()) {
    print('not measured: the rivals need Linux and root')
    return 1
  }
  if (findProgram('wrk') === null) {
    print('not measured: apt-get install wrk')
    return 1
  }
  await ensurePrograms(Object.values(programs))
  return runInside(asked)
}
