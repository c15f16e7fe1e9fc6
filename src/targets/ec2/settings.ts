import type { Ec2Settings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { Digest } from '../../kernel/id.ts'
import type { Order } from '../target.ts'
import type { Ec2Stage } from './ports.ts'

/** What of an order the settings say. */
export type SettingsOrder = Pick<
  Order,
  'kind' | 'settings' | 'hostSeconds' | 'predeployOn' | 'numberedAt'
> & {
  /** Megabytes of disk that the image takes; null where they are not known. */
  readonly imageMegabytes: number | null
  readonly release: (Pick<Release, 'commit'> & { readonly digest: Digest | null }) | null
}

type Entry = readonly [name: string, value: string | number]

const each = (name: string, values: readonly string[]): readonly Entry[] =>
  values.map((value) => [name, value])

const optional = (name: string, value: string | number | null): readonly Entry[] =>
  value === null ? [] : [[name, value]]

const toImage = ({ release, settings }: SettingsOrder): readonly Entry[] => [
  ['image', settings.image],
  ['digest', release?.digest ?? ''],
  ['commit', release?.commit ?? ''],
  ['environment', settings.environment],
]

const toPublished = ({ port, publish, hosts }: Ec2Settings): readonly Entry[] => [
  ...optional('port', port),
  ...(publish === null
    ? []
    : ([
        ['publishAddress', publish.address ?? ''],
        ['publishPort', publish.port],
      ] as const)),
  ...each('host', hosts),
]

const toRun = ({ run, holdSeconds, keep, replaces }: Ec2Settings): readonly Entry[] => [
  ...each('command', run.command),
  ...each('volume', run.volumes),
  ...each('network', run.networks),
  ...optional('memory', run.memory),
  ...optional('replaces', replaces),
  ['stopTimeout', Math.ceil(run.stopTimeoutSeconds)],
  ['hold', Math.ceil(holdSeconds)],
  ['keep', keep],
]

const toHealth = ({ health }: Ec2Settings): readonly Entry[] => [
  ['healthPath', health.path],
  ['healthHost', health.host ?? ''],
  ['healthFrom', health.expect.from],
  ['healthTo', health.expect.to],
  ['healthInterval', health.intervalSeconds],
  ['healthTimes', health.times],
  ['healthTimeout', Math.ceil(health.timeoutSeconds)],
  // A worker has no address to ask: it has to stay up for as long as its checks would take.
  ['grace', Math.ceil(health.intervalSeconds * health.times)],
]

/**
 * The `Settings` parameter: NUL-terminated `name=value` entries in base64, so that the host reads any
 * bytes without a parser. It stands in SSM's history and holds nothing secret.
 */
export const renderSettings = (
  order: SettingsOrder,
  settings: Ec2Settings,
  stage: Pick<Ec2Stage, 'proxyImage' | 'subnet'>,
): string => {
  const entries: readonly Entry[] = [
    ['format', 1],
    ['kind', order.kind],
    ['strategy', settings.strategy],
    ['timeout', order.hostSeconds],
    ['proxyImage', stage.proxyImage],
    ['subnet', stage.subnet],
    ...(order.numberedAt === null ? [] : ([['numbered', Date.parse(order.numberedAt)]] as const)),
    ...optional('imageMegabytes', order.imageMegabytes),
    ...toImage(order),
    ...toPublished(settings),
    ...toRun(settings),
    ...toHealth(settings),
    ...(order.predeployOn === null ? [] : each('predeploy', settings.predeploy ?? [])),
  ]
  return Buffer.from(entries.map(([name, value]) => `${name}=${value}\0`).join('')).toString(
    'base64',
  )
}
