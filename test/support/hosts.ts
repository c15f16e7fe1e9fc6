import type { Release, Serving } from '../../src/deployment/deployment.ts'
import type { Answer } from '../../src/deployment/step.ts'
import type { InstanceId } from '../../src/kernel/id.ts'
import type { Reason } from '../../src/kernel/reason.ts'
import type { Order } from '../../src/targets/target.ts'

/** What befalls one command on one host. */
export type Fault =
  | 'none'
  /** The release does not come up; what served before serves on. */
  | 'fails'
  /** Killed before anything was changed, or after the switch, or in between: no answer. */
  | 'killed_early'
  | 'killed_late'
  | 'killed_dark'
  /** All went well, and the answer is lost. */
  | 'answer_lost'
  /** The machine got another key: `prepare` is needed once more. */
  | 'key_changed'
  /** It takes longer than any watcher looks. */
  | 'slow'
  /** It reaches the host a minute late. */
  | 'late'

export const faults: readonly Fault[] = [
  'fails',
  'killed_early',
  'killed_late',
  'killed_dark',
  'answer_lost',
  'key_changed',
  'slow',
  'late',
]

export interface Host {
  readonly id: InstanceId
  online: boolean
  key: number
  fenceSeen: number
  recorded: { readonly order: HostOrder; readonly answer: Answer } | null
  serving: Serving | null
  /** Of the deployment that gave what is served its number. */
  numberedAt: string | null
  busyUntil: number
  /** The fence of everything that changed what runs, in order. */
  readonly acts: number[]
}

export const createHost = (id: InstanceId): Host => ({
  id,
  online: true,
  key: 1,
  fenceSeen: 0,
  recorded: null,
  serving: null,
  numberedAt: null,
  busyUntil: 0,
  acts: [],
})

/** What of an order reaches a host. */
export interface HostOrder extends Pick<
  Order,
  'purpose' | 'fence' | 'notAfter' | 'hostSeconds' | 'numberedAt'
> {
  readonly release: Pick<Release, 'generation' | 'digest'> | null
}

export interface Delivered {
  readonly order: HostOrder
  /** The key that the envelope was sealed for. */
  readonly key: number | null
  readonly fault: Fault
}

export const answerOf = (
  id: InstanceId,
  outcome: Answer['outcome'],
  reason: Reason | null,
  more: Partial<Answer> = {},
): Answer => ({
  id,
  outcome,
  reason,
  message: null,
  serving: null,
  fenceSeen: null,
  isKeyNew: false,
  steps: [],
  tail: [],
  ...more,
})

const refusal = (host: Host, reason: Reason): Answer =>
  answerOf(host.id, 'refused', reason, { serving: host.serving, fenceSeen: host.fenceSeen })

/** The moment a command arrives: refused at once, or the time at which it will be done. */
export const arrive = (
  host: Host,
  { order, fault }: Delivered,
  now: number,
): Answer | { readonly doneAt: number } => {
  if (now > Date.parse(order.notAfter)) return refusal(host, 'too_late')
  if (order.purpose !== 'prepare') {
    if (order.fence < host.fenceSeen) return refusal(host, 'superseded_fence')
    host.fenceSeen = order.fence
  }
  const wanted = fault === 'slow' ? 70_000 : order.purpose === 'prepare' ? 300 : 2_000
  const doneAt = Math.max(now, host.busyUntil) + Math.min(wanted, order.hostSeconds * 1000)
  host.busyUntil = doneAt
  return { doneAt }
}

const serve = (host: Host, order: HostOrder): void => {
  const { release } = order
  host.serving =
    release === null ? null : { generation: release.generation, digest: release.digest }
  host.numberedAt = order.numberedAt
  host.acts.push(order.fence)
}

const isSameOrder = (one: HostOrder, other: HostOrder): boolean =>
  one.fence === other.fence &&
  one.purpose === other.purpose &&
  one.numberedAt === other.numberedAt &&
  one.release?.generation === other.release?.generation

/** Its number is one that another release has here. */
const isReused = ({ serving, numberedAt }: Host, order: HostOrder): boolean =>
  order.numberedAt !== null &&
  numberedAt !== null &&
  serving?.generation === order.release?.generation &&
  numberedAt !== order.numberedAt

const deploy = (host: Host, { order, fault }: Delivered): Answer | null => {
  const before = host.serving
  const { release } = order
  if (
    before !== null &&
    before.generation === release?.generation &&
    before.digest === release.digest
  )
    return answerOf(host.id, 'succeeded', 'already_live', { serving: before })
  switch (fault) {
    case 'fails':
      return answerOf(host.id, 'failed', 'unhealthy', { serving: before, message: 'it says 500' })
    case 'killed_early':
      return null
    case 'killed_dark':
      host.serving = null
      return null
    case 'killed_late':
      serve(host, order)
      return null
    case 'none':
    case 'answer_lost':
    case 'key_changed':
    case 'slow':
    case 'late':
      serve(host, order)
      return answerOf(host.id, 'succeeded', 'deployed', { serving: host.serving })
  }
}

/**
 * The moment a command is done. As the host script does it: the fence is read again, an equal one
 * answers what was recorded, and nothing is switched after `notAfter`. Null: no answer ever.
 */
export const finish = (host: Host, delivered: Delivered, now: number): Answer | null => {
  const { order, key, fault } = delivered
  if (order.purpose === 'prepare')
    return fault === 'fails'
      ? answerOf(host.id, 'failed', 'tool_missing', { serving: host.serving })
      : answerOf(host.id, 'succeeded', 'deployed', { serving: host.serving })
  if (order.fence < host.fenceSeen) return refusal(host, 'superseded_fence')
  if (host.recorded !== null && isSameOrder(host.recorded.order, order)) return host.recorded.answer
  if (isReused(host, order)) return refusal(host, 'superseded_fence')
  if (now > Date.parse(order.notAfter)) return refusal(host, 'too_late')
  if (fault === 'key_changed') host.key += 1
  if (key !== null && key !== host.key) return refusal(host, 'key_changed')
  const answer = deploy(host, delivered)
  if (answer === null) return null
  host.recorded = { order, answer }
  return fault === 'answer_lost' ? null : answer
}
