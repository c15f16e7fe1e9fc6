import type { InstanceId } from '../../kernel/id.ts'
import type { Instant } from '../../kernel/clock.ts'

/** The certificate an instance answered to `prepare`: DER in base64; its key never leaves the host. */
export interface Certificate {
  readonly instance: InstanceId
  readonly der: string
  readonly at: Instant
}

/** Kept in the journal, so that `prepare` is sent only where none is fresh. */
export interface Certificates {
  load(instances: readonly InstanceId[]): Promise<readonly Certificate[]>
  record(certificate: Certificate): Promise<void>
  forget(instance: InstanceId): Promise<void>
}
