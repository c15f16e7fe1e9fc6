import { expect, it } from 'vitest'
import { begin } from '../../support/core.ts'
import {
  failedAt,
  instanceAt,
  lettings,
  openingOf,
  succeededAt,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'

const wide = {
  ...lettings,
  targets: [ec2({ rollout: { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } })],
}
const all = Array.from({ length: 15 }, (_, index) => index + 1)

it('a deployment to fifteen instances says what the one said that failed, and keeps ten messages', () => {
  const message = 'generation 1 is live'
  const answers = all.map((index) =>
    index === 14 ? failedAt(index) : { ...succeededAt(index, 1), message },
  )
  const [first, ...others] = answers
  if (first === undefined) throw new Error('no answer')
  const sent = begin()
    .open(openingOf(1, 15, {}, wide))
    .look()
    .send()
    .answer(first)
  const failed = sent
    .look()
    .send()
    .answer(...others)
  expect(failed.deployment).toMatchObject({
    phase: 'withdrawing',
    message: `${instanceAt(14)}: it answers 500`,
  })
  const kept = failed.instances.filter((instance) => instance.message !== null)
  expect(kept).toHaveLength(10)
  expect(kept.map(({ id }) => id)).toContain(instanceAt(14))
})
