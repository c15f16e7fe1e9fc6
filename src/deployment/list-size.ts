import { reasons } from '../kernel/reason.ts'
import type { TargetKey } from '../kernel/id.ts'
import type { InstanceState, InstanceStatus } from './deployment.ts'
import type { Place } from './head.ts'
import { jsonBytes } from './words.ts'

/*
 * The most that the journal packs the lists of a head into (src/journal/instance-list.ts), as if nothing
 * of it deflated: ids and digests do not. What deflates is less, and costs less, but cannot be relied on.
 */

/** Each text once, with its comma. */
const wordsBytes = (words: Iterable<string>): number =>
  [...new Set(words)].reduce((all, word) => all + jsonBytes(word) + 1, 0)

const statuses: Readonly<Record<InstanceStatus, true>> = {
  unseen: true,
  pending: true,
  succeeded: true,
  failed: true,
  lost: true,
  restored: true,
  unknown: true,
}

/** Its form, the lengths of its parts, and every word that it may be in need of besides targets and messages. */
export const ownBytes = 50 + wordsBytes([...Object.keys(reasons), ...Object.keys(statuses)])

export const targetsBytes = (targets: Iterable<TargetKey>): number => wordsBytes(targets)

/** The place of a word in their table. */
const wordBytes = 3
const waveBytes = 3
/** What counts tries and retries, and is raised by one for a command or an hour. */
const countBytes = 3
const generationBytes = 8
const millisecondsBytes = 8
/** Where no other instance serves the same one. */
const digestBytes = 3 + 32
const flagBytes = 1

/** Two hex digits are one byte; the name of a Render service is stored as it is. */
const idBytes = (id: InstanceState['id']): number =>
  /^m?i-/.test(id) ? 1 + Math.ceil((id.length - 2) / 2) : 2 + id.length

export const instanceBytes = ({ id }: Pick<InstanceState, 'id'>): number =>
  idBytes(id) +
  waveBytes +
  flagBytes +
  countBytes +
  generationBytes +
  digestBytes +
  // target, status, reason and message
  4 * wordBytes

export const placeBytes = ({ id }: Pick<Place, 'id'>): number =>
  // target and reason
  idBytes(id) + generationBytes + millisecondsBytes + countBytes + 2 * wordBytes

const sum = (sizes: readonly number[]): number => sizes.reduce((all, one) => all + one, 0)

/** What both lists of a head take at most. */
export const listsBytes = (instances: readonly InstanceState[], places: readonly Place[]): number =>
  ownBytes +
  sum(instances.map(instanceBytes)) +
  sum(places.map(placeBytes)) +
  targetsBytes([...instances, ...places].map(({ target }) => target)) +
  wordsBytes(instances.flatMap(({ message }) => message ?? []))
