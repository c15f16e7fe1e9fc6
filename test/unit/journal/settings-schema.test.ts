import { expect, test } from 'vitest'
import { settingsSchema } from '../../../src/journal/settings-schema.ts'
import { appOf } from '../../support/apps.ts'
import { ec2 } from '../../support/examples.ts'

test('a release frozen before its rights were limited is brought back with the rights that it ran with', () => {
  const { capAdd: _, newPrivileges: __, pidsLimit: ___, ...run } = ec2().run
  const frozen = { ...appOf('shop'), targets: [{ ...ec2(), run }] }
  expect(settingsSchema.parse(frozen).targets).toMatchObject([
    { run: { ...run, capAdd: ['NET_RAW'], newPrivileges: true, pidsLimit: 4_194_304 } },
  ])
})

test('a release keeps the fields that a newer Landfall has frozen, wherever they are', () => {
  const target = { ...ec2(), later: 1, run: { ...ec2().run, later: 2 } }
  const { reports: _, ...settings } = appOf('shop')
  const frozen = { ...settings, later: 3, targets: [target] }
  expect(settingsSchema.parse(frozen)).toEqual(frozen)
})
