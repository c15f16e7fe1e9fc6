import { expect, test } from 'vitest'
import { pushResources } from '../../../packaging/ecr.ts'
import { appOf } from '../../support/apps.ts'

const host = '123456789012.dkr.ecr.eu-west-3.amazonaws.com'

/** The pattern of the rule for so many repositories with names of seventy characters. */
const patternOf = (count: number): string => {
  const apps = Array.from({ length: count }, (_, index) =>
    appOf(`shop-${index}`, { image: `${host}/acme/${`${index}-`.padEnd(65, 'x')}` }),
  )
  const { ImagePushRule } = pushResources({ apps }, 'prod')
  return JSON.stringify(ImagePushRule?.Properties.EventPattern)
}

test.each([
  ['each repository is named to EventBridge', 20, true],
  ['none is named where they are more than a pattern has room for', 25, false],
])('%s', (_what, count, isNamed) => {
  const pattern = patternOf(count)
  expect(pattern.includes('acme/')).toBe(isNamed)
  expect(pattern).toContain('"source":["aws.ecr"]')
  expect(pattern.length).toBeLessThan(2048)
})
