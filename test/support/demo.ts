import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const project = join(import.meta.dirname, '../..')

/** Runs the demo of a target: what it prints, and of each act the title and whether it went as said. */
export const runDemo = async (
  target: 'render' | 'heroku',
  environment: Readonly<Record<string, string>> = {},
) => {
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo', '--', '--target', target], {
    cwd: project,
    env: { ...process.env, ...environment },
  })
  const table = stdout.slice(stdout.indexOf('as said'))
  const acts = [...table.matchAll(/^ {2}(\S.+?) {2,}[\d.]+ s {2,}(yes|NO)$/gm)]
  return { stdout, acts: acts.map(([, title, isAsSaid]) => [title, isAsSaid]) }
}
