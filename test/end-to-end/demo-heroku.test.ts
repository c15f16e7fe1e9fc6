import { expect, test } from 'vitest'
import { runDemo } from '../support/demo.ts'
import { isFull } from '../support/size.ts'

// The rows of targets.test.ts and heroku-dynos.test.ts show in the usual size what its acts do.
test.runIf(isFull)(
  'the Heroku demo carries images, runs them as dynos, and goes back from what is broken',
  async () => {
    const { acts, stdout } = await runDemo('heroku')
    expect(acts).toEqual([
      ['A green commit goes to Heroku, after its release phase', 'yes'],
      ['The next commit, with a rotated secret', 'yes'],
      ['A commit whose release phase fails', 'yes'],
      ['A commit that answers 500, which Heroku would leave in place', 'yes'],
      ['Back by a person’s word', 'yes'],
    ])
    expect(stdout).toMatch(/#1 succeeded +#2 succeeded +#3 failed +#4 failed +#5 succeeded/)
  },
)
