import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const project = join(import.meta.dirname, '../..')

test('the Render demo deploys and rolls back without a Docker Engine', async () => {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['run', 'demo', '--', '--target', 'render'],
    // Where nobody answers.
    { cwd: project, env: { ...process.env, DOCKER_HOST: 'unix:///nowhere/docker.sock' } },
  )
  const table = stdout.slice(stdout.indexOf('as said'))
  const acts = [...table.matchAll(/^ {2}(\S.+?) {2,}[\d.]+ s {2,}(yes|NO)$/gm)]
  expect(acts.map(([, title, isAsSaid]) => [title, isAsSaid])).toEqual([
    ['A green commit goes to Render, by its digest', 'yes'],
    ['The next commit, with a rotated secret', 'yes'],
    ['A commit whose image Render cannot pull', 'yes'],
    ['Back by a person’s word', 'yes'],
  ])
  expect(stdout).toMatch(/#1 succeeded +#2 succeeded +#3 failed +#4 succeeded/)
})
