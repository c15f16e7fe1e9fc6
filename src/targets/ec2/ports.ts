import type { App, InstanceSelector } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import type { Result } from '../../kernel/result.ts'
import type { Certificate } from './certificates.ts'

export interface Command {
  readonly document: string
  readonly instances: readonly InstanceId[]
  readonly parameters: Readonly<Record<string, string>>
  /** At most 100 characters; shown in SSM's history. */
  readonly comment: string
  /** How long SSM may take to hand it over; at least 30. */
  readonly deliverySeconds: number
}

export interface SendFailure {
  readonly kind: 'invalid_instance' | 'throttled' | 'failed'
  readonly message: string
}

/** One instance's part of a command, as SSM lists it: `output` is cut to 2,500 characters. */
export interface Invocation {
  readonly instance: InstanceId
  readonly status: string
  readonly statusDetails: string
  readonly output: string
}

/** SSM's Run Command. */
export interface Commands {
  send(command: Command): Promise<Result<string, SendFailure>>
  /** Empty while SSM has not caught up with the send. */
  invocations(command: string): Promise<readonly Invocation[]>
  /** Standard output and error of one invocation, up to 24,000 and 8,000 characters. */
  output(
    command: string,
    instance: InstanceId,
  ): Promise<{ readonly stdout: string; readonly stderr: string }>
  cancel(command: string): Promise<void>
}

export interface FleetInstance {
  readonly id: InstanceId
  readonly name: string | null
  readonly ping: 'online' | 'offline' | 'unknown'
  readonly agentVersion: string | null
  /** Null where EC2 does not know the machine: a hybrid one. */
  readonly tags: Readonly<Record<string, string>> | null
}

/** The running instances that a selector names, with what SSM knows of them. */
export interface Fleet {
  list(selector: InstanceSelector): Promise<readonly FleetInstance[]>
}

/** Env, registry credentials and mask list of a release as one envelope that only these instances can open. */
export type SealEnvelope = (
  release: Release,
  certificates: readonly Certificate[],
) => Promise<Result<string, { readonly reason: Reason; readonly message: string }>>

/**
 * How many bytes of plaintext that envelope holds, the instances' ids not counted; null where its secrets
 * cannot be read or used, which sealing then says. A null version is the current one.
 */
export type MeasureEnvelope = (
  settings: App,
  secretVersion: string | null,
) => Promise<number | null>

/** How many megabytes of disk the image takes where none of its layers is yet; null where nobody can tell now. */
export type MeasureImage = (release: Release) => Promise<number | null>

/** Gives the function that blots a release's secrets out of a text. */
export type MaskOutput = (release: Release) => Promise<(text: string) => string>

/** The documents' names and what goes with every command of this stage. */
export interface Ec2Stage {
  readonly prepareDocument: string
  readonly deployDocument: string
  /** `<account>/<region>/<stage>`: a host that another one owns refuses. */
  readonly owner: string
  readonly proxyImage: string
  readonly subnet: string
}
