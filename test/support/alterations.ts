import type { App } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { Generation } from '../../src/kernel/id.ts'
import { digestAt, ec2 } from './examples.ts'
import { herokuTarget, renderTarget } from './targets.ts'

export const withSettings = (release: Release, changes: Partial<App>): Release => ({
  ...release,
  settings: { ...release.settings, ...changes },
})

const mounting = ec2({ run: { ...ec2().run, volumes: ['/:/host'] } })

/** Each is one change of what reconcile recorded, or several. */
export const alterations: readonly (readonly [string, (release: Release) => Release])[] = [
  ['another image', (one) => withSettings(one, { image: 'evil.example/backdoor' })],
  ['another digest', (one) => ({ ...one, digest: digestAt(66) })],
  ["the host's files as a volume", (one) => withSettings(one, { targets: [mounting] })],
  [
    'another predeploy',
    (one) => withSettings(one, { targets: [ec2({ predeploy: ['chroot', '/host'] })] }),
  ],
  [
    'another command',
    (one) =>
      withSettings(one, { targets: [ec2({ run: { ...ec2().run, command: ['sh', '-c', 'x'] } })] }),
  ],
  [
    'another network',
    (one) => withSettings(one, { targets: [ec2({ run: { ...ec2().run, networks: ['host'] } })] }),
  ],
  [
    'other instances',
    (one) =>
      withSettings(one, {
        targets: [ec2({ instances: { kind: 'tag', key: 'Name', value: 'other' } })],
      }),
  ],
  ["another app's secret", (one) => withSettings(one, { secrets: 'landfall/other' })],
  ['another version of the secret', (one) => ({ ...one, secretVersion: 'version-0' })],
  ["another app's registry login", (one) => withSettings(one, { registry: 'landfall/other' })],
  [
    'another token service for the login',
    (one) => withSettings(one, { registryRealm: 'https://evil.example/token' }),
  ],
  ['other variables', (one) => withSettings(one, { env: { LD_PRELOAD: '/x' } })],
  [
    'a service of Render with its key',
    (one) => withSettings(one, { targets: [renderTarget({ token: 'landfall/other' })] }),
  ],
  [
    'an app of Heroku with its key',
    (one) => withSettings(one, { targets: [herokuTarget({ token: 'landfall/other' })] }),
  ],
  ['the number of another release', (one) => ({ ...one, generation: Generation.parse(9) })],
]
