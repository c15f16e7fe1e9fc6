import { mostNoticesBytes } from './notices.ts'
import type { InstanceState, Release, InstanceStatus } from './deployment.ts'
import {
  keptFinished,
  keptOperations,
  keptReleases,
  type Head,
  type ObservedInstance,
} from './head.ts'
import { indexInstances } from './observed.ts'
import { mostQuarantined, mostSettings } from './quarantine.ts'
import { largestWave } from './wave.ts'
import { jsonBytes, mostMessageBytes, mostWorded, mostWordedBytes } from './message.ts'
import { reasons } from '../kernel/reason.ts'
import type { TargetKey } from '../kernel/id.ts'

/**
 * DynamoDB refuses an item of 400 KB and counts less than JSON takes. Half of it: a fleet of 1,000
 * instances, whose heads stay below 40 KB where all goes well, has room for its worst ending too.
 */
export const maxHeadBytes = 200 * 1024

/** A name of a person (100) or an alarm (255 characters), each of up to 3 bytes, as in "alarm …". */
const nameBytes = 3 * 255 + 10
/** A freeze's reason: 300 characters. */
const freezeBytes = 3 * 300 + nameBytes + 100
/** `by` and `id` are of 100 characters each. */
const operationBytes = 3 * 200 + 100
/** Two digests or commits with what is around them. */
const finishedBytes = 400
const quarantinedBytes = 80
const settingsBytes = 250
/** Its names and the values that are of fixed length, of all fields that are not counted by themselves. */
const otherBytes = 3000
/** An SSM command's id or what finds a Render deploy, and the times. */
const intentBytes = 700
const longestIdBytes = 70

type ListedName = Pick<InstanceState, 'id' | 'target'>
type Content = Pick<Release, 'secretVersion' | 'settings'>

const releaseBytes = (release: Content): number =>
  jsonBytes({ ...release, generation: null, secretVersion: null }) + 400

/** What a head takes of its item, at most. */
export const headBytes = ({ app: _app, version: _version, ...body }: Head): number => {
  const { deployment, observed } = body
  const instances = deployment?.instances ?? []
  const rest = { ...deployment, instances: [] }
  return jsonBytes({ ...body, deployment: rest, observed: [] }) + listsBytes(instances, observed)
}

const largest = (sizes: readonly number[]): number => Math.max(0, ...sizes)

/**
 * What a head may take besides instances and observed while `release` is deployed and after it. It never
 * rises by a rollback to a release that the head keeps, so what fitted can be taken back.
 */
const fixedBytes = (head: Head, release: Content, firing: readonly string[]): number => {
  const contents: readonly Content[] = [release, ...head.releases]
  const env = largest([
    ...contents.map(({ settings }) => jsonBytes(settings.env)),
    ...head.quarantine.map((entry) => (typeof entry === 'string' ? 0 : jsonBytes(entry.env))),
  ])
  const alarms = largest([firing, ...head.finished.map((one) => one.firing)].map(jsonBytes))
  return (
    otherBytes +
    4 * nameBytes +
    freezeBytes +
    mostMessageBytes +
    mostNoticesBytes +
    intentBytes +
    largestWave * longestIdBytes +
    mostWorded * mostWordedBytes +
    keptOperations * operationBytes +
    keptFinished * (finishedBytes + alarms) +
    alarms +
    mostQuarantined * quarantinedBytes +
    mostSettings * (settingsBytes + env) +
    (keptReleases + 1) * largest(contents.map(releaseBytes))
  )
}

/** All that may stand in a list: what an instance did may be told of its place in what is live. */
const keysOf = (head: Head, release: Content, instances: readonly ListedName[]) => [
  ...[release, ...head.releases].flatMap(({ settings }) => settings.targets.map(({ key }) => key)),
  ...[...instances, ...head.observed].map(({ target }) => target),
]

/**
 * The instances that a head has room for until the worst ending of a deployment to them: each failed and
 * serving something else, the longest words said, the reports owed. One that does not fit is left out.
 */
export const listFitting = <Named extends ListedName>(
  head: Head,
  release: Content,
  instances: readonly Named[],
  firing: readonly string[],
): readonly Named[] => {
  const lists = head.observed.reduce((all, place) => all + placeBytes(place), listOwnBytes)
  const words = targetsBytes(keysOf(head, release, instances))
  let left = maxHeadBytes - fixedBytes(head, release, firing) - lists - words
  const placeOf = indexInstances(head.observed)
  return instances.filter((instance) => {
    const place = placeOf(instance) === null ? placeBytes(instance) : 0
    const bytes = packedInstanceBytes(instance) + place
    if (bytes > left) return false
    left -= bytes
    return true
  })
}

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
export const listOwnBytes = 50 + wordsBytes([...Object.keys(reasons), ...Object.keys(statuses)])

export const targetsBytes = (targets: Iterable<TargetKey>): number => wordsBytes(targets)

/** The place of a word in their table. */
const wordBytes = 3
const waveBytes = 3
/** What counts tries and retries, and is raised by one for a command or an hour. */
const countBytes = 3
const generationBytes = 8
const millisecondsBytes = 8
/** Where no other instance serves the same one. */
const packedDigestBytes = 3 + 32
const flagBytes = 1

/** Two hex digits are one byte; the name of a Render service is stored as it is. */
const idBytes = (id: InstanceState['id']): number =>
  /^m?i-/.test(id) ? 1 + Math.ceil((id.length - 2) / 2) : 2 + id.length

export const packedInstanceBytes = ({ id }: Pick<InstanceState, 'id'>): number =>
  idBytes(id) +
  waveBytes +
  flagBytes +
  countBytes +
  generationBytes +
  packedDigestBytes +
  // target, status, reason and message
  4 * wordBytes

export const placeBytes = ({ id }: Pick<ObservedInstance, 'id'>): number =>
  // target and reason
  idBytes(id) + generationBytes + millisecondsBytes + countBytes + 2 * wordBytes

const sum = (sizes: readonly number[]): number => sizes.reduce((all, one) => all + one, 0)

/** What both lists of a head take at most. */
export const listsBytes = (
  instances: readonly InstanceState[],
  observed: readonly ObservedInstance[],
): number =>
  listOwnBytes +
  sum(instances.map(packedInstanceBytes)) +
  sum(observed.map(placeBytes)) +
  targetsBytes([...instances, ...observed].map(({ target }) => target)) +
  wordsBytes(instances.flatMap(({ message }) => message ?? []))
