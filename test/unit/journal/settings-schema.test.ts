import { expect, test } from 'vitest'
import { toReleaseSettings } from '../../../src/deployment/app.ts'
import { releaseSchema } from '../../../src/journal/head-schema.ts'
import { settingsSchema } from '../../../src/journal/settings-schema.ts'
import { InstanceId } from '../../../src/kernel/id.ts'
import { appOf } from '../../support/apps.ts'
import { commitAt, digestAt, ec2 } from '../../support/examples.ts'
import { herokuTarget, renderTarget } from '../../support/targets.ts'

test('a release frozen before its rights were limited is brought back with the rights that it ran with', () => {
  const { capAdd: _, newPrivileges: __, pidsLimit: ___, ...run } = ec2().run
  const frozen = { ...appOf('shop'), targets: [{ ...ec2(), run }] }
  expect(settingsSchema.parse(frozen).targets).toMatchObject([
    { run: { ...run, capAdd: ['NET_RAW'], newPrivileges: true, pidsLimit: 4_194_304 } },
  ])
})

test('a release frozen before predeploy ran by the ENTRYPOINT runs without it, and takes over as it did', () => {
  const { predeployEntrypoint: _, acceptedLosses: __, ...target } = ec2()
  const { user: ___, extraHosts: ____, shmSize: _____, init: ______, ...run } = target.run
  const frozen = { ...appOf('shop'), targets: [{ ...target, run }] }
  expect(settingsSchema.parse(frozen).targets).toMatchObject([
    {
      predeployEntrypoint: false,
      acceptedLosses: [],
      run: { user: null, extraHosts: [], shmSize: null, init: true },
    },
  ])
})

test('a release frozen before its answers were judged more strictly is judged as it was, and drains as long', () => {
  const { drainSeconds: _, ...target } = ec2()
  const { contains: __, scheme: ___, ...health } = target.health
  const { contains: _____, scheme: ____, ...atHeroku } = herokuTarget().health
  const frozen = {
    ...appOf('shop'),
    targets: [
      { ...target, health },
      { ...herokuTarget(), health: atHeroku },
    ],
  }
  expect(settingsSchema.parse(frozen).targets).toMatchObject([
    { drainSeconds: null, health: { ...health, contains: null, scheme: null } },
    { health: { ...atHeroku, contains: null, scheme: null } },
  ])
})

/** The same with a field of a later version in each object. */
const addLater = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(addLater)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [key, addLater(one)] as const)
  return Object.fromEntries([...entries, ['later', '1']])
}

test('a release keeps the fields that a newer Landfall has frozen, wherever they are', () => {
  const publish = { address: '127.0.0.1', port: 80 }
  const ids = { kind: 'ids', ids: [InstanceId.parse('i-00000001')] } as const
  const targets = [
    ec2({ publish }),
    ec2({ instances: ids }),
    ec2({ instances: { kind: 'tag', key: 'app', value: 'shop' } }),
    renderTarget(),
    herokuTarget(),
  ]
  const rollback = { alarms: ['5xx'], windowSeconds: 60, secrets: 'recorded' } as const
  const requires = [{ kind: 'ci', ci: 'github', workflow: 'CI' }, { kind: 'image' }] as const
  const release = {
    generation: 2,
    revision: commitAt(1),
    commit: commitAt(1),
    digest: digestAt(1),
    secretVersion: null,
    origin: { title: 'Mend', author: 'Ada', login: 'ada', runUrl: null, compareUrl: null },
    promotedFrom: { app: 'staging', generation: 1 },
    settings: toReleaseSettings(appOf('shop', { targets, rollback, requires })),
  }
  const frozen = addLater(release)
  expect(releaseSchema.parse(frozen)).toEqual(frozen)
})
