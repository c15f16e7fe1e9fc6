import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { listTree, stillRunning } from '../support/processes.ts'

const spawnBound = join(import.meta.dirname, '../../local/docker/spawn-bound.ts')

/** In a group of its own, as the registry and the engines are: no signal to the group reaches it. */
const script = `
import { spawnBound } from ${JSON.stringify(spawnBound)}
spawnBound('sleep', ['3600'], { detached: true, stdio: 'ignore' }).once('spawn', () => console.log('ready'))`

test('a program that is bound ends with the process that spawned it, even on SIGKILL', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  expect(await lines.next()).toMatchObject({ value: 'ready' })
  const commands = (): readonly string[] => listTree(child.pid ?? 0).map(({ command }) => command)
  const isThere = { timeout: 60_000, message: 'the program runs in the place of setpriv' }
  await expect.poll(commands, isThere).toContain('sleep 3600')
  const tree = listTree(child.pid ?? 0)
  child.kill('SIGKILL')
  const isGone = { timeout: 60_000, message: 'the program has ended' }
  await expect.poll(() => stillRunning(tree), isGone).toEqual([])
})
