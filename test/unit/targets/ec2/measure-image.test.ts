import { expect, test } from 'vitest'
import type { ImageSize } from '../../../../src/registry/manifest.ts'
import { createMeasureImage } from '../../../../src/targets/ec2/measure-image.ts'
import { live } from '../../../support/core.ts'

const [release] = live(1, 1).releases
if (release === undefined) throw new Error('nothing is live')

/** A registry with these answers in turn; the time limit passes only at `nothing`. */
const measured = (...said: readonly (ImageSize | Error | 'nothing')[]) => {
  let asked = 0
  let isSilent = false
  const measure = createMeasureImage(
    async () => {
      const next = said[asked] ?? 'nothing'
      asked += 1
      isSilent = next === 'nothing'
      if (next instanceof Error) throw next
      return next === 'nothing' ? new Promise<never>(() => {}) : next
    },
    () => (isSilent ? Promise.resolve() : new Promise(() => {})),
  )
  return { measure: () => measure(release), asked: () => asked }
}

test('measures an image once, as three and a half times its packed size', async () => {
  const { measure, asked } = measured({ kind: 'known', bytes: 100 * 1024 ** 2 })
  expect([await measure(), await measure(), asked()]).toEqual([350, 350, 1])
})

test.each([
  ['does not tell', { kind: 'unknown' } as const],
  ['cannot be reached', new Error('planted')],
  ['takes too long', 'nothing' as const],
])('measures an image again if the registry %s', async (_what, first) => {
  const { measure, asked } = measured(first, { kind: 'known', bytes: 1024 ** 2 })
  expect([await measure(), await measure(), asked()]).toEqual([null, 4, 2])
})
