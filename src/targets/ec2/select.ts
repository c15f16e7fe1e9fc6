import type { Ec2Settings, InstanceSelector } from '../../deployment/app.ts'
import { toInstant, type Clock } from '../../kernel/clock.ts'
import { Commit, Digest, InstanceId } from '../../kernel/id.ts'
import { unlimited, type Target } from '../target.ts'
import type { Ec2Stage, Fleet, FleetInstance, MeasureEnvelope } from './ports.ts'
import { obstacleOf } from './reach.ts'
import { envelopeCharacters, mostInWave, roomBeside } from './room.ts'
import { renderSettings } from './settings.ts'

/** Nothing here can send or write. */
export interface SelectionPorts {
  readonly fleet: Fleet
  readonly measureEnvelope: MeasureEnvelope
  readonly stage: Pick<Ec2Stage, 'proxyImage' | 'subnet'>
  readonly clock: Clock
}

const longestCommit = Commit.parse('f'.repeat(40))
const longestDigest = Digest.parse(`sha256:${'f'.repeat(64)}`)
const longestId = InstanceId.parse(`mi-${'f'.repeat(17)}`)

const absent = (id: InstanceId): FleetInstance => ({
  id,
  name: null,
  ping: 'unknown',
  agentVersion: null,
  tags: null,
})

/** The instances of a selector, in the order of a rollout; those of its ids that do not run come last. */
export const listSelected = async (
  fleet: Fleet,
  selector: InstanceSelector,
): Promise<readonly FleetInstance[]> => {
  const found = await fleet.list(selector)
  const wanted = selector.kind === 'ids' ? selector.ids : []
  const known = new Set(found.map(({ id }) => id))
  return [...found, ...wanted.filter((id) => !known.has(id)).map(absent)]
}

/** Of the longest settings that an order of these may have: of the first wave, which runs `predeploy`. */
const measureCapacity = async (
  ports: SelectionPorts,
  settings: Ec2Settings,
  ...[app, secretVersion]: Parameters<Target['capacity']>
): ReturnType<Target['capacity']> => {
  const bytes = await ports.measureEnvelope(app, secretVersion)
  if (bytes === null) return unlimited
  const release = { digest: longestDigest, commit: longestCommit }
  const numberedAt = toInstant(ports.clock())
  const order = {
    kind: 'rollback',
    settings: app,
    hostSeconds: 9999,
    release,
    numberedAt,
    imageMegabytes: 999_999,
  } as const
  const rendered = renderSettings({ ...order, predeployOn: longestId }, settings, ports.stage)
  const room = roomBeside(rendered)
  const instances = mostInWave(bytes, room)
  const message = `the env file and its masks take ${bytes} bytes, ${envelopeCharacters(bytes, 1)} characters when encrypted; ${room} fit into a command`
  return { instances, message: instances === 0 ? message : null }
}

/** What an opening asks of a fleet: its instances, and how many of them fit into one command. */
export const createEc2Selection = (
  ports: SelectionPorts,
  settings: Ec2Settings,
): Pick<Target, 'candidates' | 'capacity'> => ({
  candidates: async () =>
    (await listSelected(ports.fleet, settings.instances)).map((instance) => ({
      id: instance.id,
      target: settings.key,
      obstacle: obstacleOf(instance),
    })),
  capacity: (app, secretVersion) => measureCapacity(ports, settings, app, secretVersion),
})
