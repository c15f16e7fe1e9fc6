import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Digest, InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Result } from '../kernel/result.ts'
import { isPast } from './deadline.ts'

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
  /** For a renewal only; repeatable. */
  replace(image: ProxyImage): Promise<void>
}

export type FoundProxyImage = Result<ProxyImage, 'proxy_image_unavailable'>

/** An operator's request for the digest that the setting's tag names now, or for the one that it gives. */
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

/** A registry that does not answer, or deployments that hold an instance, are waited for as long as this. */
const longestRenewalSeconds = 3600

/** One whose image is known. */
export type BegunRenewal = Renewal & { readonly image: ProxyImage }

/** What came of an instance's turn. */
export interface TurnAnswer {
  readonly isDone: boolean
  readonly reason: Reason
  readonly message: string
}

const end = <One extends Renewal>(
  renewal: One,
  reason: Reason,
  message: string,
  now: Instant,
): One => ({
  ...renewal,
  asked: null,
  ended: { at: now, reason, message },
})

export const isTooOld = ({ at }: RenewalRequest, now: Instant) =>
  isPast(addSeconds(at, longestRenewalSeconds), now)

/** Those that the last renewal did not get to come first: an instance that fails each time holds up no other for good. */
export const beginRenewal = (
  request: RenewalRequest,
  image: ProxyImage,
  online: readonly InstanceId[],
  left: readonly InstanceId[],
): BegunRenewal => {
  const wasLeft = new Set(left)
  const waiting = [
    ...online.filter((id) => wasLeft.has(id)),
    ...online.filter((id) => !wasLeft.has(id)),
  ]
  return { request, image, waiting, asked: null, done: [], ended: null }
}

/** The next instance's turn, written before the command is sent; or the end. */
export const takeTurn = (renewal: BegunRenewal, now: Instant): BegunRenewal => {
  const [instance, ...waiting] = renewal.waiting
  if (instance !== undefined)
    return { ...renewal, waiting, asked: { instance, at: now, command: null } }
  const { done } = renewal
  return end(renewal, 'deployed', `every proxy of ${done.length} instances has the image`, now)
}

/**
 * What follows from the answer of the one that was asked. A deployment that holds it is waited for; one that is gone keeps its
 * proxy, as those do that were offline at the beginning; any other failure ends the renewal.
 */
export const takeAnswer = (
  renewal: Renewal,
  instance: InstanceId,
  { isDone, reason, message }: TurnAnswer,
  now: Instant,
): Renewal => {
  const next = { ...renewal, asked: null }
  if (isDone) return { ...next, done: [...renewal.done, instance] }
  if (reason === 'busy' && !isTooOld(renewal.request, now))
    return { ...next, waiting: [...renewal.waiting, instance] }
  if (reason === 'instance_offline') return next
  return end(renewal, reason, message, now)
}

/** A request that could not begin in time. */
export const dropRequest = (request: RenewalRequest, now: Instant): Renewal =>
  end(
    { request, image: null, waiting: [], asked: null, done: [], ended: null },
    'proxy_image_unavailable',
    'not begun within an hour: the registry did not name the image, or another renewal went on',
    now,
  )
