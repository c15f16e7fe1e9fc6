import { expect, test } from 'vitest'
import { Redacted } from '../../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { createMaskOutput } from '../../../../src/targets/ec2/seal.ts'
import { orderOf } from '../../../support/ec2-ports.ts'

const release = (() => {
  const { release: found } = orderOf()
  if (found === null) throw new Error('the order brings a release')
  const settings = { ...found.settings, secrets: 'landfall/test/shop', registry: null }
  return { ...found, settings, secretVersion: 'version-1' }
})()

test('masks a host’s output again with the release’s secret', async () => {
  const value = new Redacted('{"TOKEN": "planted-4711"}')
  const mask = await createMaskOutput(() => Promise.resolve(succeed({ value, versionId: 'v' })))(
    release,
  )
  expect(mask('the token is planted-4711')).toBe('the token is [masked]')
})

test.each(['secret_missing', 'secret_unavailable'] as const)(
  'fails to mask a host’s output if the secret says %s',
  async (failure) => {
    const mask = createMaskOutput(() => Promise.resolve(fail(failure)))(release)
    await expect(mask).rejects.toThrow('landfall/test/shop')
  },
)
