import { mostOwedBytes } from './facts.ts'
import type { InstanceState, Release } from './deployment.ts'
import { keptFinished, keptOperations, keptReleases, type Head } from './head.ts'
import { instanceBytes, listsBytes, ownBytes, placeBytes, targetsBytes } from './list-size.ts'
import { indexNames } from './places.ts'
import { mostQuarantined, mostSettings } from './quarantine.ts'
import { largestWave } from './wave.ts'
import { jsonBytes, mostMessageBytes, mostWorded, mostWordedBytes } from './words.ts'

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
const idBytes = 70

type Name = Pick<InstanceState, 'id' | 'target'>
type Content = Pick<Release, 'secretVersion' | 'settings'>

const releaseBytes = (release: Content): number =>
  jsonBytes({ ...release, generation: null, secretVersion: null }) + 400

/** What a head takes of its item, at most. */
export const headBytes = ({ app: _app, version: _version, ...body }: Head): number => {
  const { deployment, places } = body
  const instances = deployment?.instances ?? []
  const rest = { ...deployment, instances: [] }
  return jsonBytes({ ...body, deployment: rest, places: [] }) + listsBytes(instances, places)
}

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

/** All that may stand in a list: what an instance did may be told of its place in what is live. */
const keysOf = (head: Head, release: Content, instances: readonly Name[]) => [
  ...[release, ...head.releases].flatMap(({ settings }) => settings.targets.map(({ key }) => key)),
  ...[...instances, ...head.places].map(({ target }) => target),
]

/**
 * The instances that a head has room for until the worst ending of a deployment to them: each failed and
 * serving something else, the longest words said, the reports owed. One that does not fit is left out.
 */
export const listFitting = <Named extends Name>(
  head: Head,
  release: Content,
  instances: readonly Named[],
  firing: readonly string[],
): readonly Named[] => {
  const lists = head.places.reduce((all, place) => all + placeBytes(place), ownBytes)
  const words = targetsBytes(keysOf(head, release, instances))
  let left = maxHeadBytes - fixedBytes(head, release, firing) - lists - words
  const placeOf = indexNames(head.places)
  return instances.filter((instance) => {
    const place = placeOf(instance) === null ? placeBytes(instance) : 0
    const bytes = instanceBytes(instance) + place
    if (bytes > left) return false
    left -= bytes
    return true
  })
}
