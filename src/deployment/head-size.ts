import { reasons } from '../kernel/reason.ts'
import type { ReleaseSettings } from './app.ts'
import {
  instanceStatuses,
  type InstanceKey,
  type InstanceState,
  type Release,
} from './deployment.ts'
import { headLimits, type Head, type ObservedInstance } from './head.ts'
import { jsonBytes } from './message.ts'
import { indexInstances } from './observed.ts'
import { largestWave } from './wave.ts'

/**
 * DynamoDB refuses an item of 400 KB and counts less than JSON takes. Half of it: a fleet of 1,000
 * instances, whose heads stay below 40 KB where all goes well, has room for its worst ending too.
 */
export const maxHeadBytes = 200 * 1024

/** The most that each entry of a head takes: a character of a person's text takes up to 3 bytes. */
const entryBytes = {
  /** `alarm` and the name of an alarm: 255 characters, 3 * 255 + 10. A person's name has 100. */
  name: 775,
  /** Its reason of 300 characters, and a name: 3 * 300 + 775 + 100. */
  freeze: 1775,
  /** `by` and `id` are of 100 characters each: 3 * 200 + 100. */
  operation: 700,
  /** Two digests or commits with what is around them. */
  finished: 400,
  quarantined: 80,
  quarantinedSettings: 250,
  /** An SSM command's id or what finds a Render deploy, the times, and the instances. */
  intent: 700 + largestWave * 70,
  /** Names of the head's fields, and values of fixed length that are not counted by themselves. */
  other: 3000,
}

type Content = Pick<Release, 'secretVersion' | 'settings' | 'origin'>

/** The settings of a head once each, which most of its releases have in common; a release with the number of its own. */
export const shareSettings = ({ releases, deployment }: Pick<Head, 'releases' | 'deployment'>) => {
  const settings: ReleaseSettings[] = []
  const texts: string[] = []
  const share = (release: Release) => {
    const text = JSON.stringify(release.settings)
    const known = texts.indexOf(text)
    if (known >= 0) return { ...release, settings: known }
    settings.push(release.settings)
    return { ...release, settings: texts.push(text) - 1 }
  }
  return {
    releases: releases.map(share),
    deployment: deployment && { ...deployment, release: share(deployment.release) },
    settings,
  }
}

/** What a head takes of its item, at most. */
export const headBytes = (head: Head): number => {
  const { app: _app, version: _version, observed, ...body } = head
  const shared = shareSettings(head)
  const instances = shared.deployment?.instances ?? []
  const deployment = { ...shared.deployment, instances: [] }
  return (
    jsonBytes({ ...body, ...shared, deployment, observed: [] }) + listsBytes(instances, observed)
  )
}

const largest = (sizes: readonly number[]): number => Math.max(0, ...sizes)

/**
 * The most bytes that a head takes without its two lists of instances, while `release` is deployed and
 * afterwards. A rollback to a release that the head keeps never raises it, so what fitted can be taken back.
 */
const fixedBytes = (head: Head, release: Content, firing: readonly string[]): number => {
  const contents: readonly Content[] = [release, ...head.releases]
  const env = largest([
    ...contents.map(({ settings }) => jsonBytes(settings.env)),
    ...head.quarantine.map((entry) => (typeof entry === 'string' ? 0 : jsonBytes(entry.env))),
  ])
  const alarms = largest([firing, ...head.finished.map((one) => one.firing)].map(jsonBytes))
  const releaseBytes = contents.map(
    (one) => jsonBytes({ ...one, generation: null, secretVersion: null }) + 500,
  )
  return (
    entryBytes.other +
    4 * entryBytes.name +
    entryBytes.freeze +
    headLimits.messageBytes +
    headLimits.noticesBytes +
    entryBytes.intent +
    headLimits.instanceMessages * headLimits.instanceMessageBytes +
    headLimits.operations * entryBytes.operation +
    headLimits.finished * (entryBytes.finished + alarms) +
    alarms +
    headLimits.quarantined * entryBytes.quarantined +
    headLimits.quarantinedSettings * (entryBytes.quarantinedSettings + env) +
    (headLimits.releases + 1) * largest(releaseBytes)
  )
}

/**
 * The instances that a head has room for until the worst ending of a deployment to them: each failed and
 * serving something else, the longest messages kept, the notices still to be sent. One that does not fit
 * is left out.
 */
export const listFitting = <Named extends InstanceKey>(
  head: Head,
  release: Content,
  instances: readonly Named[],
  firing: readonly string[],
): readonly Named[] => {
  // An observed instance may get any of these target keys.
  const settings = [release, ...head.releases].map((one) => one.settings)
  const keys = wordsBytes([
    ...settings.flatMap(({ targets }) => targets.map(({ key }) => key)),
    ...[...instances, ...head.observed].map(({ target }) => target),
  ])
  const lists = listOwnBytes + sum(head.observed.map(placeBytes))
  let left = maxHeadBytes - fixedBytes(head, release, firing) - lists - keys
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
 * in them deflated: ids and digests do not. Deflated values cost less, but cannot be relied on.
 */

const sum = (sizes: readonly number[]): number => sizes.reduce((all, one) => all + one, 0)

/** Each text once, with its comma. */
const wordsBytes = (words: Iterable<string>): number =>
  sum([...new Set(words)].map((word) => jsonBytes(word) + 1))

/** The lists' form, the lengths of their parts, and every word they may need besides targets and messages. */
const listOwnBytes = 50 + wordsBytes([...Object.keys(reasons), ...instanceStatuses])

/** Two hex digits are one byte; the name of a Render service is stored as it is. */
const idBytes = (id: InstanceState['id']): number =>
  /^m?i-/.test(id) ? 1 + Math.ceil((id.length - 2) / 2) : 2 + id.length

/**
 * Besides the id: wave 3, touched 1, retries 3, generation 8, a digest that no other instance serves 3 + 32, and
 * the numbers of four words (target, status, reason and message) in the table of words, 3 each.
 */
const packedInstanceBytes = ({ id }: Pick<InstanceState, 'id'>): number => idBytes(id) + 62

/** Besides the id: generation 8, milliseconds 8, tries 3, and the numbers of target and reason, 3 each. */
const placeBytes = ({ id }: Pick<ObservedInstance, 'id'>): number => idBytes(id) + 25

/** What both lists of a head take at most. */
export const listsBytes = (
  instances: readonly InstanceState[],
  observed: readonly ObservedInstance[],
): number =>
  listOwnBytes +
  sum(instances.map(packedInstanceBytes)) +
  sum(observed.map(placeBytes)) +
  wordsBytes([...instances, ...observed].map(({ target }) => target)) +
  wordsBytes(instances.flatMap(({ message }) => message ?? []))
