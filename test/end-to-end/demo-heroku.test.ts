import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isFull } from '../support/size.ts'

const project = join(import.meta.dirname, '../..')

// The rows of targets.test.ts and heroku-dynos.test.ts show in the usual size what its acts do.
test.runIf(isFull)(
  'the Heroku demo carries images, runs them as dynos, and goes back from what is broken',
  async () => {
    const { stdout } = await promisify(execFile)(
      'npm',
      ['run', 'demo', '--', '--target', 'heroku'],
      {
        cwd: project,
      },
    )
    const table = stdout.slice(stdout.indexOf('as said'))
    const acts = [...table.matchAll(/^ {2}(\S.+?) {2,}[\d.]+ s {2,}(yes|NO)$/gm)]
    expect(acts.map(([, title, isAsSaid]) => [title, isAsSaid])).toEqual([
      ['A green commit goes to Heroku, after its release phase', 'yes'],
      ['The next commit, with a rotated secret', 'yes'],
      ['A commit whose release phase fails', 'yes'],
      ['A commit that answers 500, which Heroku would leave in place', 'yes'],
      ['Back by a person’s word', 'yes'],
    ])
    expect(stdout).toMatch(/#1 succeeded +#2 succeeded +#3 failed +#4 failed +#5 succeeded/)
  },
)
