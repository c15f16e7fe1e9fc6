import type { Ec2Settings, InstanceSelector } from '../../deployment/app.ts'
import { toInstant } from '../../kernel/clock.ts'
import { Commit, Digest, InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import { unlimited, type Target } from '../target.ts'
import { warnOfMetadata } from './metadata.ts'
import type { Fleet, FleetInstance, SelectionPorts } from './ports.ts'
import { longestReference } from './proxy-image.ts'
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

/** Only instances with this tag may be sent commands: `packaging/roles.yml` has the condition. */
const stageTag = 'landfall:stage'

/** EC2 knows no tags of a hybrid machine, nor of one that does not run. */
const isPermitted = ({ tags }: FleetInstance, stage: string): boolean =>
  tags === null || tags[stageTag] === stage

/** Why no command can be sent to an instance; null if one can. */
export const obstacleOf = (instance: FleetInstance, stage: string): Reason | null => {
  const { ping, agentVersion } = instance
  if (!isPermitted(instance, stage)) return 'instance_untagged'
  if (ping !== 'online') return 'instance_offline'
  return isOlder(agentVersion, oldestAgent) ? 'agent_too_old' : null
}

/** The instances of a stage, from one listing. */
export const listPresent = async (fleet: Fleet, stage: string) => {
  const listed = await fleet.list({ kind: 'tag', key: stageTag, value: stage })
  return listed.map((one) => {
    const isOnline = obstacleOf(one, stage) === null
    return { id: one.id, isOnline, tags: one.tags }
  })
}

/** The instances of a stage that a command reaches now. */
export const listOnline = async (fleet: Fleet, stage: string): Promise<readonly InstanceId[]> =>
  (await listPresent(fleet, stage)).filter(({ isOnline }) => isOnline).map(({ id }) => id)

/**
 * The instances of a selector in the order of a rollout; ids that do not run come last. An instance with the
 * selector's tag and without the stage's is `ignored`: SSM would refuse the command for the others too.
 */
export const listSelected = async (
  fleet: Fleet,
  selector: InstanceSelector,
  stage: string,
): Promise<{
  readonly selected: readonly FleetInstance[]
  readonly ignored: readonly FleetInstance[]
}> => {
  const found = await fleet.list(selector)
  if (selector.kind === 'tag')
    return {
      selected: found.filter((instance) => isPermitted(instance, stage)),
      ignored: found.filter((instance) => !isPermitted(instance, stage)),
    }
  const known = new Set(found.map(({ id }) => id))
  const absent = selector.ids.filter((id) => !known.has(id))
  const gone = {
    name: null,
    ping: 'unknown',
    agentVersion: null,
    architecture: null,
    tags: null,
    profile: null,
    metadata: null,
  } as const
  return { selected: [...found, ...absent.map((id) => ({ id, ...gone }))], ignored: [] }
}

/** Names a few of the instances that `listSelected` ignores. */
export const describeIgnored = (ignored: readonly FleetInstance[], stage: string): string => {
  const names = ignored.slice(0, 5).map(({ id }) => id)
  const more = ignored.length > names.length ? ` and ${ignored.length - names.length} more` : ''
  return `left out, because the tag ${stageTag} is not ${stage}: ${names.join(', ')}${more}`
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
  const proxyImage = longestReference(stage.proxyImage)
  const room = roomBeside(renderSettings(longest, settings, { ...stage, proxyImage }))
  const instances = mostInWave(bytes, room)
  const message = `the env file and its masks take ${bytes} bytes, ${envelopeCharacters(bytes, 1)} characters when encrypted; ${room} fit into a command`
  return { instances, message: instances === 0 ? message : null }
}

/** What an opening asks of a fleet: its instances, and how many of them fit into one command. */
export const createEc2Selection = (
  ports: SelectionPorts,
  settings: Ec2Settings,
): Pick<Target, 'select' | 'capacity'> => ({
  select: async () => {
    const { name: stage } = ports.stage
    const { selected, ignored } = await listSelected(ports.fleet, settings.instances, stage)
    const leftOut = ignored.length === 0 ? null : describeIgnored(ignored, stage)
    if (leftOut !== null)
      ports.log.warn('instances without stage tag ignored', { target: settings.key, why: leftOut })
    const candidates = selected.map((instance) => ({
      id: instance.id,
      target: settings.key,
      obstacle: obstacleOf(instance, stage),
      warning: warnOfMetadata(instance, settings.metadata),
    }))
    const architectures = [...new Set(selected.flatMap((one) => one.architecture ?? []))]
    return { architectures, candidates, leftOut }
  },
  capacity: (app, secretVersion) => measureCapacity(ports, settings, app, secretVersion),
})
