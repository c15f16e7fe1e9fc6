import { expect, test } from 'vitest'
import { parseConfiguration } from '../../../src/config/read.ts'

type Changes = Readonly<Record<string, unknown>>

const appOf = (run: Changes, app: Changes = {}, port = 80) => ({
  repository: 'acme/shop',
  image: 'acme/shop',
  requires: [{ ci: 'github', workflow: 'CI' }],
  ...app,
  targets: [
    {
      ec2: {
        instances: { tag: 'Name=shop' },
        strategy: 'recreate',
        port: 8000,
        publish: port,
        run,
      },
    },
  ],
})

/** Mistakes, or else warnings, without the place in the file. */
const told = (apps: Changes): readonly string[] => {
  const text = JSON.stringify({ sources: { github: { secret: 'github' } }, apps })
  const parsed = parseConfiguration(text, 'landfall.yml')
  const all = parsed.ok ? parsed.value.warnings : parsed.error
  return all.map((line) => line.replace(/^\S+ /, ''))
}

test.each([
  ['/', 'the whole disk'],
  ['/var/run/docker.sock', 'the engine'],
  ['/run/docker.sock', 'the engine'],
  ['/run//./docker.sock', 'the engine, written otherwise'],
  ['/srv/../var/run/docker.sock', 'the engine, on a detour'],
  ['/var/run', 'all sockets'],
  ['/var', 'a directory above'],
  ['/var/lib/', 'a directory above'],
  ['/var/lib/landfall', 'the env files of all apps'],
  ['/var/lib/landfall/blog/releases', 'the env files of another app'],
  ['/var/lib/docker/volumes', 'the volumes of all apps'],
  ['/proc', 'the kernel'],
  ['/sys/fs/cgroup', 'the kernel'],
  ['/dev/sda', 'a disk'],
  ['/etc', 'the configuration'],
  ['/etc/cron.d', 'a part of the configuration that can be written'],
  ['/root/.ssh', 'the keys of root'],
  ['/usr/local/bin', 'programs'],
])('refuses the volume %s, which is %s, with its path', (source) => {
  const volume = `${source}:/x`
  expect(told({ shop: appOf({ volumes: ['data:/data', volume] }) })).toEqual([
    `apps.shop.targets[0].ec2.run.volumes[1]: ${volume} makes the container root on the instance, where it can read the secrets of every app; if that is intended, add allowHostAccess: true to run`,
  ])
  expect(told({ shop: appOf({ volumes: [volume], allowHostAccess: true }) })).toEqual([])
})

test('names the line of a refused volume', () => {
  const app = JSON.stringify(appOf({ volumes: ['/:/host'] }))
  const text = `sources: { github: { secret: github } }\napps:\n  shop: ${app}\n`
  const parsed = parseConfiguration(text, 'landfall.yml')
  expect(parsed).toMatchObject({
    ok: false,
    error: [
      expect.stringMatching(
        /^landfall\.yml:3:\d+ apps\.shop\.targets\[0\]\.ec2\.run\.volumes\[0\]: \/:\/host makes/,
      ),
    ],
  })
})

test.each([
  'data:/data',
  '/srv/media:/media',
  '/data:/data',
  '/home/ubuntu/app/media:/media',
  '/etc/ssl/certs:/etc/ssl/certs:ro',
  '/etc/localtime:/etc/localtime:ro',
  '/run/postgresql:/run/postgresql',
  '/var/log/shop:/log',
  '/devices:/devices',
])('accepts the volume %s', (volume) => {
  expect(told({ shop: appOf({ volumes: [volume] }) })).toEqual([])
})

test.each(['ALL', 'SYS_ADMIN', 'DAC_READ_SEARCH'])('refuses the capability %s', (name) => {
  expect(told({ shop: appOf({ capAdd: ['NET_RAW', name] }) })).toEqual([
    expect.stringContaining(`ec2.run.capAdd[1]: ${name} makes the container root`),
  ])
  expect(told({ shop: appOf({ capAdd: [name], allowHostAccess: true }) })).toEqual([])
})

test('accepts capabilities that stay in the container', () => {
  expect(told({ shop: appOf({ capAdd: ['NET_RAW', 'SYS_NICE'] }) })).toEqual([])
})

const volumes = ['data:/data']

test.each([
  ['of another environment', { environment: 'staging' }],
  ['of another branch', { branch: 'develop' }],
  ['of another image', { image: 'acme/blog' }],
])('warns of a volume that an app %s has on the same instances', (_, changes) => {
  const staging = appOf({ volumes: ['other:/other', 'data:/files'] }, changes, 81)
  expect(told({ shop: appOf({ volumes }), staging })).toEqual([
    'apps.staging.targets[0].ec2.run.volumes[1]: warning: data is also a volume of apps.shop.targets[0].ec2.run.volumes[0] on the same instances: both apps read and write the same files',
  ])
})

test('does not warn of a volume that the processes of one app share, or of one name on other instances', () => {
  const worker = appOf({ volumes }, {}, 81)
  expect(told({ shop: appOf({ volumes }), worker })).toEqual([])
  const [{ ec2 } = { ec2: {} }] = worker.targets
  const elsewhere = {
    ...worker,
    environment: 'staging',
    targets: [{ ec2: { ...ec2, instances: { tag: 'Name=blog' } } }],
  }
  expect(told({ shop: appOf({ volumes }), elsewhere })).toEqual([])
})
