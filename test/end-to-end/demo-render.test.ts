import { expect, test } from 'vitest'
import { runDemo } from '../support/demo.ts'
import { isFull } from '../support/size.ts'

// render.test.ts and targets.test.ts show in the usual size what its acts do.
test.runIf(isFull)('the Render demo deploys and rolls back without a Docker Engine', async () => {
  // Where nobody answers.
  const { acts, stdout } = await runDemo('render', { DOCKER_HOST: 'unix:///nowhere/docker.sock' })
  expect(acts).toEqual([
    ['A green commit goes to Render, by its digest', 'yes'],
    ['The next commit, with a rotated secret', 'yes'],
    ['A commit whose image Render cannot pull', 'yes'],
    ['Back by a person’s word', 'yes'],
  ])
  expect(stdout).toMatch(/#1 succeeded +#2 succeeded +#3 failed +#4 succeeded/)
})
