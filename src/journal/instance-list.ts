import type { InstanceState } from '../deployment/deployment.ts'
import type { ObservedInstance } from '../deployment/head.ts'
import {
  createPacker,
  createUnpacker,
  deflate,
  inflate,
  type Packer,
  type Unpacker,
} from './packing.ts'

/** The lists of a head: the instances of its deployment, and the observed ones. */
export interface Lists {
  readonly instances: readonly InstanceState[]
  readonly observed: readonly ObservedInstance[]
}

/** As they are read, before the schema checks them. */
type UncheckedLists = Readonly<Record<keyof Lists, readonly unknown[]>>

/** Values that many rows share are written once; a row holds the value's number, 0 for null. */
const createTable = (values: readonly (string | null)[]) => {
  const kept = [...new Set(values)].filter((value) => value !== null)
  const numbers = new Map<string | null, number>(kept.map((value, index) => [value, index + 1]))
  return { kept, numberOf: (value: string | null): number => numbers.get(value) ?? 0 }
}

const lookUp = (table: readonly string[], number: number): string | null => {
  const value = number === 0 ? null : table[number - 1]
  if (value === undefined) throw new RangeError('a table has no such number')
  return value
}

/** Stands for an id that is not of hex digits; the number of digits is never 0. */
const otherId = 0

/** Two hex digits are one byte; an odd one is padded, which the number of digits tells. */
const packId = (packer: Packer, id: string): void => {
  const [, prefix, digits] = /^(m?i-)([0-9a-f]+)$/.exec(id) ?? []
  if (digits === undefined) {
    packer.number(otherId)
    packer.text(id)
    return
  }
  packer.number(digits.length * 2 + (prefix === 'mi-' ? 1 : 0))
  packer.bytes(Buffer.from(digits + '0'.repeat(digits.length % 2), 'hex'))
}

const unpackId = (unpacker: Unpacker): string => {
  const form = unpacker.number()
  if (form === otherId) return unpacker.text()
  const length = Math.floor(form / 2)
  const digits = Buffer.from(unpacker.bytes(Math.ceil(length / 2))).toString('hex')
  return `${form % 2 === 1 ? 'mi-' : 'i-'}${digits.slice(0, length)}`
}

const digestPrefix = 'sha256:'

/** Milliseconds plus one; 0 where they would not give the same text back, which is then stored as a word. */
const toMilliseconds = (at: string): number => {
  const milliseconds = Date.parse(at)
  return milliseconds >= 0 && new Date(milliseconds).toISOString() === at ? milliseconds + 1 : 0
}

const toWords = ({ instances, observed }: Lists, times: ReadonlyMap<string, number>) =>
  createTable([
    ...instances.flatMap(({ target, status, reason, message }) => [
      target,
      status,
      reason,
      message,
    ]),
    ...observed.flatMap(({ target, reason }) => [target, reason]),
    ...[...times].map(([at, milliseconds]) => (milliseconds === 0 ? at : null)),
  ])

const packIds = (packer: Packer, rows: readonly { readonly id: string }[]): void => {
  packer.number(rows.length)
  for (const { id } of rows) packId(packer, id)
}

const packObserved = (
  packer: Packer,
  observed: readonly ObservedInstance[],
  numberOf: (word: string | null) => number,
  times: ReadonlyMap<string, number>,
): void => {
  for (const { target, generation, at, tries, reason } of observed) {
    packer.number(numberOf(target))
    packer.number(generation === null ? 0 : generation + 1)
    const milliseconds = times.get(at) ?? 0
    packer.number(milliseconds)
    if (milliseconds === 0) packer.number(numberOf(at))
    packer.number(tries)
    packer.number(numberOf(reason))
  }
}

/**
 * The ids come first, so that deflate finds the ids of the observed as a repetition of the instances' ids; the
 * rest of each row mostly repeats the row before it.
 */
export const packLists = (lists: Lists): Uint8Array => {
  const packer = createPacker()
  const askedAt = [...new Set(lists.observed.map(({ at }) => at))]
  const times = new Map(askedAt.map((at) => [at, toMilliseconds(at)]))
  const words = toWords(lists, times)
  const digests = createTable(lists.instances.map(({ serving }) => serving?.digest ?? null))
  packer.text(JSON.stringify(words.kept))
  packer.number(digests.kept.length)
  for (const digest of digests.kept)
    packer.bytes(Buffer.from(digest.slice(digestPrefix.length), 'hex'))
  packIds(packer, lists.instances)
  packIds(packer, lists.observed)
  for (const {
    target,
    wave,
    status,
    touched,
    retries,
    serving,
    reason,
    message,
  } of lists.instances) {
    packer.number(words.numberOf(target))
    packer.number(wave)
    packer.number(words.numberOf(status))
    packer.number(Number(touched))
    packer.number(retries)
    packer.number(digests.numberOf(serving?.digest ?? null))
    if (serving !== null) packer.number(serving.generation)
    packer.number(words.numberOf(reason))
    packer.number(words.numberOf(message))
  }
  packObserved(packer, lists.observed, words.numberOf, times)
  return deflate(packer.packed())
}

const parseWords = (text: string): readonly string[] => {
  const words: unknown = JSON.parse(text)
  if (!Array.isArray(words)) throw new RangeError('its words are no list')
  return words.map(String)
}

const unpackDigest = (unpacker: Unpacker): string =>
  digestPrefix + Buffer.from(unpacker.bytes(32)).toString('hex')

const unpackMany = <Value>(unpacker: Unpacker, unpackOne: (unpacker: Unpacker) => Value) =>
  Array.from({ length: unpacker.count() }, () => unpackOne(unpacker))

const unpack = (stored: Uint8Array): UncheckedLists => {
  const unpacker = createUnpacker(inflate(stored))
  const { number } = unpacker
  const words = parseWords(unpacker.text())
  const digests = unpackMany(unpacker, unpackDigest)
  const ids = {
    instances: unpackMany(unpacker, unpackId),
    observed: unpackMany(unpacker, unpackId),
  }
  const word = () => lookUp(words, number())
  const serving = () => {
    const digest = lookUp(digests, number())
    return digest === null ? null : { digest, generation: number() }
  }
  const generation = (stored: number) => (stored === 0 ? null : stored - 1)
  const at = (milliseconds: number) =>
    milliseconds === 0 ? word() : new Date(milliseconds - 1).toISOString()
  // In the order in which the fields were packed.
  const instances = ids.instances.map((id) => ({
    id,
    target: word(),
    wave: number(),
    status: word(),
    touched: number() === 1,
    retries: number(),
    serving: serving(),
    reason: word(),
    message: word(),
  }))
  const observed = ids.observed.map((id) => ({
    id,
    target: word(),
    generation: generation(number()),
    at: at(number()),
    tries: number(),
    reason: word(),
  }))
  unpacker.end()
  return { instances, observed }
}

/** Null where `packLists` did not make it; the schema judges the content. */
export const unpackLists = (stored: unknown): UncheckedLists | null => {
  if (!(stored instanceof Uint8Array)) return null
  try {
    return unpack(stored)
  } catch {
    return null
  }
}
