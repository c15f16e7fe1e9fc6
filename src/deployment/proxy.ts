import type { Instant } from '../kernel/clock.ts'
import type { Digest, InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Result } from '../kernel/result.ts'

/** What every proxy of the stage is made of. */
export interface ProxyImage {
  /** With its registry and without a tag: `docker.io/library/haproxy`. */
  readonly image: string
  /** The tag that named the digest then; the digest itself where the setting names one. */
  readonly tag: string
  readonly digest: Digest
  readonly at: Instant
}

/** Kept in the journal once for the stage; `reconcile` alone may write it. */
export interface ProxyImages {
  load(): Promise<ProxyImage | null>
  /** Keeps the one that is recorded already, and returns what is recorded. */
  recordFirst(image: ProxyImage): Promise<ProxyImage>
  /** By an operator's word only; repeatable. */
  replace(image: ProxyImage): Promise<void>
}

export type FoundProxyImage = Result<ProxyImage, 'proxy_image_unavailable'>

/** An operator's word: the digest that the setting's tag names now, or the one that it gives. */
export interface RenewalRequest {
  readonly id: string
  readonly by: string
  readonly at: Instant
  readonly digest: Digest | null
}

/** A request on its way through the instances that were online when it began, one after the other. */
export interface Renewal {
  readonly request: RenewalRequest
  /** Null where it ended before its image was known. */
  readonly image: ProxyImage | null
  readonly waiting: readonly InstanceId[]
  /** The one whose turn it is; the command is null until it was sent. */
  readonly asked: {
    readonly instance: InstanceId
    readonly at: Instant
    readonly command: string | null
  } | null
  readonly done: readonly InstanceId[]
  readonly ended: { readonly at: Instant; readonly reason: Reason; readonly message: string } | null
}

/** `reconcile` alone may write a renewal, an operator the request. */
export interface Renewals {
  loadRequest(): Promise<RenewalRequest | null>
  load(): Promise<{ readonly renewal: Renewal; readonly version: number } | null>
  /** False where another run has written meanwhile; the version before the first is 0. */
  record(renewal: Renewal, expected: number): Promise<boolean>
}
