import type { FoundProxyImage, ProxyImage } from '../../src/deployment/proxy.ts'
import { toReleaseSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { Fence, Generation, type InstanceId } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import { succeed, type Result } from '../../src/kernel/result.ts'
import type {
  Certificate,
  Certificates,
  Command,
  Commands,
  Ec2Ports,
  FleetInstance,
  Invocation,
} from '../../src/targets/ec2/ports.ts'
import type { Order } from '../../src/targets/target.ts'
import { after, instanceAt, lettings, start } from './deployments.ts'
import { commitAt, digestAt } from './examples.ts'
import { keyAt } from './targets.ts'

export const release: Release = {
  generation: Generation.parse(7),
  revision: commitAt(7),
  commit: commitAt(7),
  digest: digestAt(7),
  secretVersion: null,
  origin: null,
  settings: toReleaseSettings(lettings),
  promotedFrom: null,
}

export const orderOf = (changes: Partial<Order> = {}): Order => ({
  purpose: 'deploy',
  app: lettings.name,
  kind: 'deploy',
  generation: Generation.parse(7),
  fence: Fence.parse(12),
  openedAt: start,
  numberedAt: start,
  since: start,
  release,
  settings: toReleaseSettings(lettings),
  target: keyAt(0),
  instances: [instanceAt(1)],
  predeployOn: null,
  notAfter: after(600),
  hostSeconds: 525,
  ...changes,
})

export const machine = (index: number, changes: Partial<FleetInstance> = {}): FleetInstance => ({
  id: instanceAt(index),
  name: 'lettings',
  ping: 'online',
  agentVersion: '3.3.2746.0',
  architecture: 'amd64',
  tags: { Name: 'lettings', 'landfall:stage': 'test' },
  profile: 'landfall-test',
  metadata: { isEnabled: true, needsToken: true, hopLimit: 1 },
  ...changes,
})

export const certificateOf = (index: number, at: string = start): Certificate => ({
  instance: instanceAt(index),
  der: 'MIIB',
  at,
})

export const invocationOf = (index: number, changes: Partial<Invocation> = {}): Invocation => ({
  instance: instanceAt(index),
  status: 'Success',
  statusDetails: 'Success',
  exitCode: null,
  output: '',
  ...changes,
})

/** The stage's image of the proxy, as the journal has it. */
export const proxyImage: ProxyImage = {
  image: 'docker.io/library/haproxy',
  tag: '3.2',
  digest: digestAt(32),
  at: start,
}

interface Given {
  readonly fleet?: readonly FleetInstance[]
  readonly certificates?: readonly Certificate[]
  /** What each send answers, in order; the last one repeats. */
  readonly sends?: readonly Awaited<ReturnType<Commands['send']>>[]
  readonly invocations?: readonly Invocation[]
  readonly outputs?: Readonly<
    Record<InstanceId, { readonly stdout: string; readonly stderr: string }>
  >
  readonly sealed?: Result<string, { readonly reason: Reason; readonly message: string }>
  readonly sealEnvelope?: Ec2Ports['sealEnvelope']
  /** Bytes of the envelope's plaintext; null where they cannot be told. */
  readonly measured?: number | null
  readonly imageMegabytes?: number
  readonly proxyImage?: FoundProxyImage
  readonly maskOutput?: Ec2Ports['maskOutput']
}

export const keepCertificates = (known = new Map<InstanceId, Certificate>()): Certificates => {
  const forgotten = new Set<InstanceId>()
  const changedBy = new Map<InstanceId, string>()
  const keep = (one: Certificate, command: string) => {
    known.set(one.instance, one)
    forgotten.delete(one.instance)
    return changedBy.get(one.instance) === command ? 'changed' : 'known'
  }
  return {
    load: async (ids) =>
      [...known.values()].filter(
        ({ instance }) => ids.includes(instance) && !forgotten.has(instance),
      ),
    renew: async (one, command) =>
      known.get(one.instance)?.der === one.der ? keep(one, command) : null,
    record: async (one, command) => {
      if (known.has(one.instance)) changedBy.set(one.instance, command)
      return keep(one, command)
    },
    forget: async (id) => void forgotten.add(id),
  }
}

/** Ports that answer plain values and record what is sent. */
export const createEc2Ports = (given: Given = {}) => {
  const sent: Command[] = []
  const said: string[] = []
  const known = new Map((given.certificates ?? []).map((one) => [one.instance, one]))
  const sends = given.sends ?? [succeed('command-1')]
  const ports: Ec2Ports = {
    commands: {
      send: async (command) => {
        sent.push(command)
        return sends[Math.min(sent.length, sends.length) - 1] ?? succeed('command-1')
      },
      invocations: () => Promise.resolve(given.invocations ?? []),
      output: (_command, id) => Promise.resolve(given.outputs?.[id] ?? { stdout: '', stderr: '' }),
      cancel: () => Promise.resolve(),
    },
    fleet: { list: () => Promise.resolve(given.fleet ?? []) },
    certificates: keepCertificates(known),
    sealEnvelope:
      given.sealEnvelope ??
      (async () => {
        const sealed = given.sealed ?? succeed('c2VhbGVk')
        return sealed.ok ? succeed({ envelope: sealed.value, unsealable: [] }) : sealed
      }),
    measureEnvelope: () => Promise.resolve(given.measured === undefined ? 200 : given.measured),
    measureImage: () => Promise.resolve(given.imageMegabytes ?? null),
    findProxyImage: () => Promise.resolve(given.proxyImage ?? succeed(proxyImage)),
    maskOutput: given.maskOutput ?? (async () => (text) => text.replaceAll('hunter22', '[masked]')),
    stage: {
      name: 'test',
      prepareDocument: 'landfall-test-prepare-00000000',
      deployDocument: 'landfall-test-deploy-00000000',
      owner: '000000000000/eu-west-3/test',
      proxyImage: 'docker.io/library/haproxy:3.2',
      subnet: '172.30.77.0/24',
    },
    clock: () => new Date(start),
    log: createLog({}, (line) => said.push(line)),
  }
  /** The instances with a certificate that envelopes are sealed for. */
  const listSealable = async () =>
    (await ports.certificates.load([...known.keys()])).map(({ instance }) => instance)
  return { ports, sent, known, said, listSealable }
}

/** A `Settings` parameter as the host reads it. */
export const readSettings = (parameter: string): readonly string[] =>
  Buffer.from(parameter, 'base64').toString().split('\0').slice(0, -1)
