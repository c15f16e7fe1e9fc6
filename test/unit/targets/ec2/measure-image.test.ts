import { describe, expect, it } from 'vitest'
import type { ImageSize } from '../../../../src/registry/size.ts'
import { createMeasureImage } from '../../../../src/targets/ec2/measure-image.ts'
import { live } from '../../../support/core.ts'

const [release] = live(1, 1).releases
if (release === undefined) throw new Error('nothing is live')

/** The registry says this, one after the other; its time is over only where it says nothing. */
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

describe('the disk that an image takes', () => {
  it('is three and a half times its packed size, and asked for once', async () => {
    const { measure, asked } = measured({ kind: 'known', bytes: 100 * 1024 ** 2 })
    expect([await measure(), await measure(), asked()]).toEqual([350, 350, 1])
  })

  it.each([
    ['does not tell', { kind: 'unknown' } as const],
    ['cannot be reached', new Error('planted')],
    ['takes too long', 'nothing' as const],
  ])('is not known where the registry %s, and asked for again', async (_what, first) => {
    const { measure, asked } = measured(first, { kind: 'known', bytes: 1024 ** 2 })
    expect([await measure(), await measure(), asked()]).toEqual([null, 4, 2])
  })
})
