import type { FoundProxyImage } from '../../deployment/proxy.ts'
import type { Ec2Settings } from '../../deployment/app.ts'
import type { Serving } from '../../deployment/deployment.ts'
import { reasons, type Reason } from '../../kernel/reason.ts'
import { timesPacked, type ImageSize } from '../../registry/manifest.ts'
import { toDrift, toProblem, toWarning, type TargetFinding } from '../findings.ts'
import type { InstanceSight } from './look.ts'
import { findMetadata } from './metadata.ts'
import { toResultReason, type HostPlan } from './result.ts'
import { isOlder, oldestAgent } from './select.ts'

interface HostFacts {
  readonly settings: Ec2Settings
  readonly host: HostPlan
  readonly size: ImageSize
  readonly live: Serving | null
  /** Null where the app has none. */
  readonly proxy: FoundProxyImage | null
}

export const toMegabytes = (bytes: number): number => Math.floor(bytes / 1_000_000)

const instanceProblem = (reason: Reason, message: string): TargetFinding => {
  const subjects: Partial<Record<Reason, string>> = {
    docker_unavailable: 'docker',
    disk_full: 'disk',
    port_in_use: 'port',
    owned_by_other: 'owner',
    start_failed: 'network',
    tool_missing: 'tools',
    agent_too_old: 'agent',
  }
  return toProblem(subjects[reason] ?? 'instance', reason, message)
}

const findTools = ({ docker, missing }: HostPlan): readonly TargetFinding[] => {
  // The first engine with all that the scripts use.
  const oldest = '20.10'
  const tools = missing.map((tool) => instanceProblem('tool_missing', `install ${tool}`))
  if (docker === '' || !isOlder(docker, oldest)) return tools
  const message = `Docker ${docker} is too old; ${oldest} or newer is needed`
  return [...tools, instanceProblem('docker_unavailable', message)]
}

const findSpace = ({ host, size }: HostFacts): readonly TargetFinding[] => {
  if (host.pulled || size.kind === 'unknown') return []
  if (size.kind === 'no_platform') {
    const message = `the image is not built for this machine (${host.machine}); build it for this platform too`
    return [toProblem('image', 'platform_missing', message)]
  }
  if (size.kind === 'platform_gone') {
    const message = `the registry no longer has ${size.digest}, which the image names for this machine (${host.machine}): push the image again with all its platforms, or deploy another commit`
    return [toProblem('image', 'image_gone', message)]
  }
  const { bytes } = size
  if (host.freeBytes >= bytes * timesPacked) return []
  const message = `${toMegabytes(host.freeBytes)} MB are free; the image has ${toMegabytes(bytes)} MB packed and needs about ${toMegabytes(bytes * timesPacked)} MB: remove what is not needed (docker system df) or enlarge the disk`
  return host.freeBytes < bytes
    ? [instanceProblem('disk_full', message)]
    : [toWarning('disk', message, 'disk_full')]
}

const findMemory = ({ settings, host }: HostFacts): readonly TargetFinding[] => {
  const runsTwoCopies =
    settings.strategy !== 'recreate' && (host.serving !== null || host.replacesRuns)
  // A small Django under two workers takes about 200 MB.
  if (!runsTwoCopies || host.memoryBytes === 0 || host.memoryBytes >= 256_000_000) return []
  const message = `${toMegabytes(host.memoryBytes)} MB are free, and two copies run during a switch; strategy: recreate runs one at a time`
  return [toWarning('memory', message)]
}

const findReplaced = ({ settings: { replaces }, host }: HostFacts): readonly TargetFinding[] => {
  if (replaces === null || host.replacesRuns || host.serving !== null || host.docker === '')
    return []
  const message = `no container ${replaces} runs here, so nothing is taken over; is the name in the line  replaces: ${replaces}  right?`
  return [toWarning('port', message)]
}

/** What to do about a loss of each kind, as `host/losses.sh` names it. */
const givings: ReadonlyMap<string, string> = new Map([
  ['volume', 'add it to run.volumes, or copy what is in it'],
  ['port', 'a port that is not publish is for an app of its own'],
  ['network', 'add it to run.networks'],
  ['host', 'add it to run.extraHosts'],
  ['user', 'set run.user'],
  ['memory', 'set run.memory'],
  ['shm', 'set run.shmSize'],
  ['capability', 'add it to run.capAdd'],
  ['env', 'add it to env or to the secret'],
  ['file', 'copy it into a volume'],
])

/** The losses of one kind as one problem; `--rm` has no excuse. */
const findLosses = ({ settings: { replaces }, host: { losses } }: HostFacts) =>
  [...Map.groupBy(losses, (loss) => loss.split(' ')[0] ?? '')].map(([kind, all]): TargetFinding => {
    const what = all.map((loss) => loss.slice(kind.length + 1)).join(', ')
    const message =
      kind === 'rm'
        ? `${replaces} was run with --rm, so stopping it removes it: run it without, as docs/take-over.md shows`
        : `${replaces} has ${kind} ${what}, which the new container does not get: ${givings.get(kind) ?? 'give it one'}, or accept it:  replaces: { name: ${replaces}, without: [${kind}] }`
    return toProblem('replaces', 'takeover_loses', message)
  })

/** The message is the host's own. */
const findFirewall = ({ settings, host }: HostFacts): readonly TargetFinding[] => {
  if (settings.metadata === 'allow' || host.firewall === '') return []
  const message = `no rule can keep containers from the metadata service here: ${host.firewall}; the instance's metadata options alone do`
  return [toWarning('metadata', message)]
}

/** No deployment can be opened while the digest is not known. */
export const findProxy = (proxy: FoundProxyImage | null): readonly TargetFinding[] => {
  if (proxy === null || proxy.ok) return []
  const message = `${reasons[proxy.error]} Is the registry in reach, and the tag right (proxyImage in serverless.yml)?`
  return [toProblem('proxy', proxy.error, message)]
}

/** It goes on serving, and no deployment replaces it. */
const findOtherProxy = ({ host, proxy }: HostFacts): readonly TargetFinding[] => {
  if (proxy?.ok !== true || host.proxy === '' || host.proxy === proxy.value.digest) return []
  const message = `its proxy runs ${host.proxy}, the stage's is ${proxy.value.digest}; no deployment replaces it`
  return [toWarning('proxy', message)]
}

const findServing = ({ host, live }: HostFacts): readonly TargetFinding[] => {
  if (host.docker === '' || live === null || host.serving?.generation === live.generation) return []
  return [toDrift(host.serving && `#${host.serving.generation}`, live)]
}

const describePort = ({ publish, replaces }: Ec2Settings, holder: string): string => {
  if (publish === null) return 'no port'
  if (holder === '') return `port ${publish.port} free`
  return holder === replaces
    ? `port ${publish.port} to be taken over from ${holder}`
    : `port ${publish.port} with ${holder}`
}

/** What to do about an instance that did not answer. The message is empty if nothing was sent to it. */
const explainUnseen = (
  { id, ping, agentVersion, profile, metadata }: InstanceSight['instance'],
  reason: Reason,
  message: string,
): string => {
  if (reason === 'agent_too_old' && message === '')
    return `agent ${agentVersion}; ${oldestAgent} or newer is needed: aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids ${id}`
  if (reason === 'send_failed') return `no command can be sent to it: ${message}`
  if (reason === 'instance_untagged') return reasons[reason]
  if (reason !== 'instance_offline') return message
  const rest = 'check its agent and its way out on port 443'
  if (ping === 'offline') return `its SSM agent has stopped answering: ${rest}, and its profile`
  if (metadata === null) return 'neither SSM nor EC2 knows a running instance of this id'
  // One that is online has a profile, or needs none: another one would take away what that one allows.
  return profile === null
    ? `SSM does not know it, and it has no instance profile: attach the one that the output InstanceProfile of the stack names, and ${rest}`
    : `SSM does not know it: add the rights of examples/instance-policy.json to the role of its profile ${profile}, and ${rest}`
}

const findOnHost = (
  { instance, sight }: InstanceSight,
  wanted: Omit<HostFacts, 'host'>,
): readonly TargetFinding[] => {
  if (sight.kind === 'unseen') {
    const { reason, message } = sight
    return [instanceProblem(reason, explainUnseen(instance, reason, message))]
  }
  const { host } = sight
  const facts = { ...wanted, host }
  const found = [
    ...findTools(host),
    ...host.obstacles.map(({ reason, message }) =>
      instanceProblem(toResultReason(reason) ?? 'start_failed', message),
    ),
    ...findLosses(facts),
    ...findSpace(facts),
    ...findMemory(facts),
    ...findReplaced(facts),
    ...findFirewall(facts),
    ...findOtherProxy(facts),
    ...findServing(facts),
  ]
  if (found.some(({ level }) => level === 'problem')) return found
  const port = describePort(wanted.settings, host.holder)
  const message = `agent ${instance.agentVersion}, Docker ${host.docker}, ${port}, ${toMegabytes(host.freeBytes)} MB of disk and ${toMegabytes(host.memoryBytes)} MB of memory free`
  return [...found, { level: 'fine', what: 'instance', message }]
}

/** What is wrong with one instance, or that nothing is. */
export const findOnInstance = (
  seen: InstanceSight,
  wanted: Omit<HostFacts, 'host'>,
): readonly TargetFinding[] => [
  ...findMetadata(seen.instance, wanted.settings.metadata),
  ...findOnHost(seen, wanted),
]
