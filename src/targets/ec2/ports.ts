import type { InstanceSelector, ReleaseSettings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { FoundProxyImage } from '../../deployment/proxy.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import type { Log } from '../../kernel/log.ts'
import type { Reason } from '../../kernel/reason.ts'
import type { Result } from '../../kernel/result.ts'
import type { Architecture } from '../target.ts'

export interface Command {
  readonly document: string
  readonly instances: readonly InstanceId[]
  readonly parameters: Readonly<Record<string, string>>
  /** At most 100 characters; shown in SSM's history. */
  readonly comment: string
  /** How long SSM may take to deliver the command; at least 30. */
  readonly deliverySeconds: number
}

/** One instance's part of a command, as SSM lists it: `output` is cut to 2,500 bytes. */
export interface Invocation {
  readonly instance: InstanceId
  readonly status: string
  readonly statusDetails: string
  /** Null where the script has not begun. */
  readonly exitCode: number | null
  readonly output: string
}

/** SSM's Run Command. */
export interface Commands {
  send(command: Command): Promise<
    Result<
      string,
      {
        readonly kind: 'invalid_instance' | 'throttled' | 'failed'
        readonly message: string
      }
    >
  >
  /** Empty while SSM has not caught up with the send. */
  invocations(command: string): Promise<readonly Invocation[]>
  /** Standard output and error of one invocation, up to 24,000 bytes and 8,000 characters. */
  output(
    command: string,
    instance: InstanceId,
  ): Promise<{ readonly stdout: string; readonly stderr: string }>
  cancel(command: string): Promise<void>
}

/** How programs on an instance may ask its metadata service, as EC2 lists it. */
export interface MetadataOptions {
  readonly isEnabled: boolean
  /** HttpTokens: required, so that a request needs a token. */
  readonly needsToken: boolean
  /** HttpPutResponseHopLimit: 1 keeps a token from a container behind a bridge. */
  readonly hopLimit: number
}

export interface FleetInstance {
  readonly id: InstanceId
  readonly name: string | null
  readonly ping: 'online' | 'offline' | 'unknown'
  readonly agentVersion: string | null
  /** Null for another one, and for a machine that EC2 does not list. */
  readonly architecture: Architecture | null
  /** Null for a hybrid machine, which EC2 does not know. */
  readonly tags: Readonly<Record<string, string>> | null
  /** The name of its instance profile; null for one without, and for a machine that EC2 does not list. */
  readonly profile: string | null
  /** `unknown` where EC2's answer leaves them out; null for a machine that EC2 does not list. */
  readonly metadata: MetadataOptions | 'unknown' | null
}

/** The running instances that a selector names, with what SSM knows of them. */
export interface Fleet {
  list(selector: InstanceSelector): Promise<readonly FleetInstance[]>
}

/** The certificate an instance answered to `prepare`: DER in base64; its key never leaves the host. */
export interface Certificate {
  readonly instance: InstanceId
  readonly der: string
  readonly at: Instant
}

/** What a certificate is to the instance: the one that it is known by, also from the first, or another than before. */
export type Recorded = 'known' | 'changed'

/**
 * Kept in the journal, so that `prepare` is sent only to an instance without a fresh one. `command` is the one that the
 * certificate is answered to: asked again, it gives the same answer.
 */
export interface Certificates {
  /** Those that can be read, each with its time, without those that were forgotten. */
  load(instances: readonly InstanceId[]): Promise<readonly Certificate[]>
  /** Renews the time of the one that is recorded; null if that is another one, or none. */
  renew(certificate: Certificate, command: string): Promise<Recorded | null>
  record(certificate: Certificate, command: string): Promise<Recorded>
  /** It is not used any more; the next one is compared with it. */
  forget(instance: InstanceId): Promise<void>
}

export interface Sealed {
  /** In base64; null if it could be sealed for no instance. */
  readonly envelope: string | null
  /** The instances that it could not be sealed for: their certificates cannot be used. */
  readonly unsealable: readonly InstanceId[]
}

/** Env, registry credentials and mask list of a release as one envelope that only these instances can open. */
export type SealEnvelope = (
  release: Release,
  certificates: readonly Certificate[],
) => Promise<Result<Sealed, { readonly reason: Reason; readonly message: string }>>

/**
 * The bytes of the envelope's plaintext without the instances' ids; null if its secrets cannot be read
 * or used, which sealing reports. A null version is the current one.
 */
export type MeasureEnvelope = (
  settings: ReleaseSettings,
  secretVersion: string | null,
) => Promise<number | null>

/** The megabytes of disk that the image takes if none of its layers is there; null if not known now. */
export type MeasureImage = (release: Release) => Promise<number | null>

/** Returns the function that masks a release's secrets in a text. */
export type MaskOutput = (release: Release) => Promise<(text: string) => string>

/** The documents' names, and the parameters of every command of this stage. */
export interface Ec2Stage {
  readonly name: string
  readonly prepareDocument: string
  readonly deployDocument: string
  /** `<account>/<region>/<stage>`: a host that belongs to another owner refuses. */
  readonly owner: string
  /** The setting, by tag: what a command names is `findProxyImage`'s. */
  readonly proxyImage: string
  readonly subnet: string
}

/** What an opening needs: nothing here can send or write. */
export interface SelectionPorts {
  readonly fleet: Fleet
  readonly measureEnvelope: MeasureEnvelope
  readonly stage: Pick<Ec2Stage, 'name' | 'proxyImage' | 'subnet'>
  readonly clock: Clock
  readonly log: Pick<Log, 'warn'>
}

export interface Ec2Ports extends SelectionPorts {
  readonly commands: Commands
  readonly certificates: Certificates
  readonly sealEnvelope: SealEnvelope
  readonly measureImage: MeasureImage
  /** The stage's one image of the proxy, recorded at the first call. */
  readonly findProxyImage: () => Promise<FoundProxyImage>
  readonly maskOutput: MaskOutput
  readonly stage: Ec2Stage
}
