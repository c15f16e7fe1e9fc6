import type { Ec2Settings, InstanceSelector } from '../../deployment/app.ts'
import { toInstant } from '../../kernel/clock.ts'
import { Commit, Digest, InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import { unlimited, type Target } from '../target.ts'
import { warnOfMetadata } from './metadata.ts'
import type { Fleet, FleetInstance, SelectionPorts } from './ports.ts'
import { envelopeCharacters, mostInWave, roomBeside } from './room.ts'
import { renderSettings } from './settings.ts'

/** From this version on, parameters reach the script as environment and never as shell text. */
export const oldestAgent = '3.3.2746.0'

/** Compares versions by their numbers; anything else counts as 0. */
export const isOlder = (version: string | null, than: string): boolean => {
  const parts = (version ?? '').split('.').map((part) => Number.parseInt(part, 10) || 0)
  const wanted = than.split('.').map(Number)
  const at = wanted.findIndex((part, index) => (parts[index] ?? 0) !== part)
  return at !== -1 && (parts[at] ?? 0) < (wanted[at] ?? 0)
}

/** Why no command can be sent to an instance; null if one can. */
export const obstacleOf = ({ ping, agentVersion }: FleetInstance): Reason | null => {
  if (ping !== 'online') return 'instance_offline'
  return isOlder(agentVersion, oldestAgent) ? 'agent_too_old' : null
}

/** The instances of a stage, from one listing. */
export const listPresent = async (fleet: Fleet, stage: string) => {
  const listed = await fleet.list({ kind: 'tag', key: 'landfall:stage', value: stage })
  return listed.map((one) => ({ id: one.id, isOnline: obstacleOf(one) === null, tags: one.tags }))
}

/** The instances of a selector in the order of a rollout; ids that do not run come last. */
export const listSelected = async (
  fleet: Fleet,
  selector: InstanceSelector,
): Promise<readonly FleetInstance[]> => {
  const found = await fleet.list(selector)
  const wanted = selector.kind === 'ids' ? selector.ids : []
  const known = new Set(found.map(({ id }) => id))
  const absent = wanted.filter((id) => !known.has(id))
  return [
    ...found,
    ...absent.map((id) => ({
      id,
      name: null,
      ping: 'unknown' as const,
      agentVersion: null,
      tags: null,
      metadata: null,
    })),
  ]
}

/** For the longest settings that these can make: those of the first wave, which runs `predeploy`. */
const measureCapacity = async (
  { measureEnvelope, stage, clock }: SelectionPorts,
  settings: Ec2Settings,
  ...[app, secretVersion]: Parameters<Target['capacity']>
): ReturnType<Target['capacity']> => {
  const bytes = await measureEnvelope(app, secretVersion)
  if (bytes === null) return unlimited
  const longest = {
    kind: 'rollback',
    settings: app,
    hostSeconds: 9999,
    release: {
      digest: Digest.parse(`sha256:${'f'.repeat(64)}`),
      commit: Commit.parse('f'.repeat(40)),
    },
    numberedAt: toInstant(clock()),
    imageMegabytes: 999_999,
    predeployOn: InstanceId.parse(`mi-${'f'.repeat(17)}`),
  } as const
  const room = roomBeside(renderSettings(longest, settings, stage))
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
      warning: warnOfMetadata(instance, settings.metadata),
    })),
  capacity: (app, secretVersion) => measureCapacity(ports, settings, app, secretVersion),
})
