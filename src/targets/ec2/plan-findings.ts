import type { Ec2Settings } from '../../deployment/app.ts'
import type { Serving } from '../../deployment/deployment.ts'
import type { Finding } from '../../deployment/plan.ts'
import type { Reason } from '../../kernel/reason.ts'
import { timesPacked, type ImageSize } from '../../registry/size.ts'
import type { InstanceSight, LookResult } from './look.ts'
import type { HostPlan } from './plan-result.ts'
import { isOlder, oldestAgent } from './reach.ts'
import { toResultReason } from './result.ts'

export interface HostFacts {
  readonly settings: Ec2Settings
  readonly host: HostPlan
  readonly size: ImageSize
  readonly live: Serving | null
}

type FoundContainer = Omit<Finding, 'instance'>

/** The first with an engine that knows what the scripts ask of it. */
const oldestDocker = '20.10'
/** A small Django under two workers takes about 200 MB; two copies run during a switch. */
const secondCopyBytes = 256_000_000

const instanceProblem = (what: string, reason: Reason, message: string): FoundContainer => ({
  level: 'problem',
  what,
  reason,
  message,
})

const instanceSubjects: Partial<Record<Reason, string>> = {
  docker_unavailable: 'docker',
  disk_full: 'disk',
  port_in_use: 'port',
  owned_by_other: 'owner',
  start_failed: 'network',
  tool_missing: 'tools',
  agent_too_old: 'agent',
}

const toObstacle = ({ reason, message }: HostPlan['obstacles'][number]): FoundContainer => {
  const known = toResultReason(reason) ?? 'start_failed'
  return instanceProblem(instanceSubjects[known] ?? 'instance', known, message)
}

export const toMegabytes = (bytes: number): number => Math.floor(bytes / 1_000_000)

const findSpace = ({ host, size }: HostFacts): readonly FoundContainer[] => {
  if (host.pulled || size.kind === 'unknown') return []
  if (size.kind === 'no_platform')
    return [
      instanceProblem(
        'image',
        'pull_failed',
        `the image is not built for this machine (${host.machine}); build it for this platform too`,
      ),
    ]
  const { bytes } = size
  if (host.freeBytes >= bytes * timesPacked) return []
  const message = `${toMegabytes(host.freeBytes)} MB are free; the image has ${toMegabytes(bytes)} MB packed and needs about ${toMegabytes(bytes * timesPacked)}: remove what is not needed (docker system df), or enlarge the disk`
  return host.freeBytes < bytes
    ? [instanceProblem('disk', 'disk_full', message)]
    : [{ level: 'warning', what: 'disk', reason: 'disk_full', message }]
}

const findMemory = ({ settings, host }: HostFacts): readonly FoundContainer[] =>
  settings.strategy === 'recreate' ||
  (host.serving === null && !host.replacesRuns) ||
  host.memoryBytes === 0 ||
  host.memoryBytes >= secondCopyBytes
    ? []
    : [
        {
          level: 'warning',
          what: 'memory',
          message: `${toMegabytes(host.memoryBytes)} MB are free, and two copies run during a switch; strategy: recreate runs one at a time`,
        },
      ]

const findReplaced = ({ settings, host }: HostFacts): readonly FoundContainer[] =>
  settings.replaces === null || host.replacesRuns || host.serving !== null || host.docker === ''
    ? []
    : [
        {
          level: 'warning',
          what: 'port',
          message: `no container ${settings.replaces} runs here, so nothing is taken over; is its name right in the line  replaces: ${settings.replaces} ?`,
        },
      ]

const findDrift = ({ host, live }: HostFacts): readonly FoundContainer[] => {
  if (host.docker === '' || live === null || host.serving?.generation === live.generation) return []
  const what = host.serving === null ? 'nothing of Landfall' : `#${host.serving.generation}`
  const message = `${what} serves here, where #${live.generation} should; a deployment puts it right`
  return [{ level: 'warning', what: 'serving', message }]
}

const findTools = ({ host }: HostFacts): readonly FoundContainer[] => [
  ...host.missing.map((tool) => instanceProblem('tools', 'tool_missing', `install ${tool}`)),
  ...(host.docker !== '' && isOlder(host.docker, oldestDocker)
    ? [
        instanceProblem(
          'docker',
          'docker_unavailable',
          `Docker ${host.docker} is too old; ${oldestDocker} or newer is needed`,
        ),
      ]
    : []),
]

const describePort = ({ settings, host }: HostFacts): string => {
  const { publish } = settings
  if (publish === null) return 'no port'
  if (host.holder === '') return `port ${publish.port} free`
  return host.holder === settings.replaces
    ? `port ${publish.port} to be taken over from ${host.holder}`
    : `port ${publish.port} with ${host.holder}`
}

const describeInstance = (facts: HostFacts, agent: string | null): FoundContainer => {
  const { host } = facts
  const sizes = `${toMegabytes(host.freeBytes)} MB of disk and ${toMegabytes(host.memoryBytes)} MB of memory free`
  const message = `agent ${agent}, Docker ${host.docker}, ${describePort(facts)}, ${sizes}`
  return { level: 'fine', what: 'instance', message }
}

/** What to do where nobody could look. The message is empty where nothing was sent. */
const explainUnseen = ({ instance }: InstanceSight, reason: Reason, message: string): string => {
  if (reason === 'agent_too_old' && message === '')
    return `agent ${instance.agentVersion}; ${oldestAgent} or newer is needed: aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids ${instance.id}`
  if (reason === 'send_failed')
    return `nothing can be sent to it (${message}); has it the tag landfall:stage of this stage?`
  if (reason !== 'instance_offline') return message
  const what =
    instance.ping === 'offline'
      ? 'its SSM agent has stopped answering'
      : 'SSM does not know it, or EC2 knows no running instance of this id'
  return `${what}: see to its instance profile, its agent and its way out on port 443`
}

const findUnseen = (
  seen: InstanceSight,
  { reason, message }: Extract<LookResult, { kind: 'unseen' }>,
): FoundContainer =>
  instanceProblem(
    instanceSubjects[reason] ?? 'instance',
    reason,
    explainUnseen(seen, reason, message),
  )

/** What is wrong with one instance, or that nothing is. */
export const findOnInstance = (
  seen: InstanceSight,
  { settings, size, live }: Omit<HostFacts, 'host'>,
): readonly Finding[] => {
  const { instance, sight } = seen
  const found = (): readonly FoundContainer[] => {
    if (sight.kind === 'unseen') return [findUnseen(seen, sight)]
    const facts = { settings, size, live, host: sight.host }
    const all = [
      ...findTools(facts),
      ...sight.host.obstacles.map(toObstacle),
      ...findSpace(facts),
      ...findMemory(facts),
      ...findReplaced(facts),
      ...findDrift(facts),
    ]
    return all.some(({ level }) => level === 'problem')
      ? all
      : [...all, describeInstance(facts, instance.agentVersion)]
  }
  return found().map((one) => ({ ...one, instance: instance.id }))
}
