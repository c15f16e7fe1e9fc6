import type { Ec2Settings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { Digest } from '../../kernel/id.ts'
import type { Order } from '../target.ts'
import type { Ec2Stage } from './ports.ts'

/** The part of an order that its settings hold. */
export type SettingsOrder = Pick<
  Order,
  'kind' | 'settings' | 'hostSeconds' | 'predeployOn' | 'numberedAt'
> & {
  /** Megabytes of disk that the image takes; null if not known. */
  readonly imageMegabytes: number | null
  /** For a look, which has no envelope to read them in; absent or null if not known. */
  readonly envNames?: readonly string[] | null
  readonly release: (Pick<Release, 'commit'> & { readonly digest: Digest | null }) | null
}

/** A null value leaves the setting out; a list repeats its name. */
type HostSetting = readonly [name: string, value: string | number | readonly string[] | null]

const listHealthSettings = (health: Ec2Settings['health']): readonly HostSetting[] => [
  ['healthPath', health.path],
  ['healthHost', health.host ?? ''],
  ['healthFrom', health.expect.from],
  ['healthTo', health.expect.to],
  ['healthContains', health.contains],
  ['healthScheme', health.scheme],
  ['healthInterval', health.intervalSeconds],
  ['healthTimes', health.times],
  ['healthTimeout', Math.ceil(health.timeoutSeconds)],
  // A worker has no address to ask: it has to stay up for as long as its checks would take.
  ['grace', Math.ceil(health.intervalSeconds * health.times)],
]

const listTargetSettings = (settings: Ec2Settings): readonly HostSetting[] => {
  const { port, publish, hosts, run, replaces, holdSeconds, drainSeconds, keep, health, metadata } =
    settings
  return [
    ['port', port],
    ['publishAddress', publish === null ? null : (publish.address ?? '')],
    ['publishPort', publish?.port ?? null],
    ['host', hosts],
    ['trusted', settings.trusted],
    ['command', run.command],
    ['volume', run.volumes],
    ['network', run.networks],
    ['capAdd', run.capAdd],
    ['newPrivileges', run.newPrivileges ? 'true' : null],
    ['pidsLimit', run.pidsLimit],
    ['memory', run.memory],
    ['replaces', replaces],
    ['without', settings.acceptedLosses],
    ['user', run.user],
    ['extraHost', run.extraHosts],
    ['shmSize', run.shmSize],
    ['init', run.init ? null : 'false'],
    ['metadata', metadata],
    ['stopTimeout', Math.ceil(run.stopTimeoutSeconds)],
    ['hold', Math.ceil(holdSeconds)],
    ['drain', drainSeconds === null ? null : Math.ceil(drainSeconds)],
    ['keep', keep],
    ...listHealthSettings(health),
  ]
}

/**
 * The `Settings` parameter: NUL-terminated `name=value` entries in base64, so that the host reads any
 * bytes without a parser. SSM's history keeps it, so it holds nothing secret.
 */
export const renderSettings = (
  order: SettingsOrder,
  settings: Ec2Settings,
  stage: Pick<Ec2Stage, 'subnet'> & {
    /** By its digest; null where the command starts no proxy. */
    readonly proxyImage: string | null
  },
): string => {
  const all: readonly HostSetting[] = [
    ['format', 1],
    ['kind', order.kind],
    ['strategy', settings.strategy],
    ['timeout', order.hostSeconds],
    ['proxyImage', stage.proxyImage],
    ['subnet', stage.subnet],
    ['numbered', order.numberedAt === null ? null : Date.parse(order.numberedAt)],
    ['imageMegabytes', order.imageMegabytes],
    ['image', order.settings.image],
    ['digest', order.release?.digest ?? ''],
    ['commit', order.release?.commit ?? ''],
    ['environment', order.settings.environment],
    ...listTargetSettings(settings),
    ['envName', order.envNames ?? null],
    ['predeploy', order.predeployOn === null ? null : settings.predeploy],
    ['entrypoint', settings.predeployEntrypoint ? null : 'none'],
  ]
  const entries = all.flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}=${one}\0`),
  )
  return Buffer.from(entries.join('')).toString('base64')
}
