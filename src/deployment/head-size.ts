import { reasons } from '../kernel/reason.ts'
import { Generation } from '../kernel/id.ts'
import { mostOwedBytes } from './facts.ts'
import type { InstanceState, Release } from './deployment.ts'
import { keptFinished, keptOperations, keptReleases, type Head, type Place } from './head.ts'
import { indexNames } from './places.ts'
import { mostQuarantined, mostSettings } from './quarantine.ts'
import { largestWave } from './wave.ts'
import { jsonBytes, mostMessageBytes, mostWorded, mostWordedBytes } from './words.ts'

/**
 * DynamoDB refuses an item of 400 KB and counts less than JSON takes. Half of it: a fleet of 200
 * instances, whose heads grow to 60 KB where all goes well, has room for its worst ending too.
 */
export const maxHeadBytes = 200 * 1024

/** What a head takes of its item. */
export const headBytes = ({ app: _app, version: _version, ...body }: Head): number =>
  jsonBytes(body)

const longestReason = Object.keys(reasons).reduce(
  (longest, one) => Math.max(longest, one.length),
  0,
)
const largestNumber = Generation.parse(Number.MAX_SAFE_INTEGER)
const longestInstant = '2026-11-20T10:00:00.000Z'

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
const idBytes = 70

type Content = Pick<Release, 'secretVersion' | 'settings'>

const releaseBytes = (release: Content): number =>
  jsonBytes({ ...release, generation: null, secretVersion: null }) + 400

const instanceBytes = ({ id, target, wave }: Pick<InstanceState, 'id' | 'target' | 'wave'>) =>
  jsonBytes({
    id,
    target,
    wave,
    status: 'succeeded',
    touched: false,
    retries: 99,
    serving: { generation: largestNumber, digest: `sha256:${'f'.repeat(64)}` },
    reason: 'x'.repeat(longestReason),
    message: null,
  }) + 1

const placeBytes = ({ id, target }: Pick<Place, 'id' | 'target'>): number =>
  jsonBytes({
    id,
    target,
    generation: largestNumber,
    at: longestInstant,
    tries: 9999,
    reason: 'x'.repeat(longestReason),
  }) + 1

const largest = (sizes: readonly number[]): number => Math.max(0, ...sizes)

/**
 * What a head may take besides instances and places while `release` is deployed and after it. It never
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
    mostOwedBytes +
    intentBytes +
    largestWave * idBytes +
    mostWorded * mostWordedBytes +
    keptOperations * operationBytes +
    keptFinished * (finishedBytes + alarms) +
    alarms +
    mostQuarantined * quarantinedBytes +
    mostSettings * (settingsBytes + env) +
    (keptReleases + 1) * largest(contents.map(releaseBytes))
  )
}

/**
 * How many of the instances, the first ones, a head has room for until the worst ending of a deployment
 * to them: each failed and serving something else, the longest words said, the reports owed.
 */
export const countFitting = (
  head: Head,
  release: Content,
  instances: readonly Pick<InstanceState, 'id' | 'target' | 'wave'>[],
  firing: readonly string[],
): number => {
  const places = head.places.reduce((all, place) => all + placeBytes(place), 0)
  let left = maxHeadBytes - fixedBytes(head, release, firing) - places
  const placeOf = indexNames(head.places)
  const first = instances.findIndex((instance) => {
    left -= instanceBytes(instance) + (placeOf(instance) === null ? placeBytes(instance) : 0)
    return left < 0
  })
  return first === -1 ? instances.length : first
}
