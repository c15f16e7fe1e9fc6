import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InstanceState } from '../../src/deployment/deployment.ts'
import type { ObservedInstance } from '../../src/deployment/head.ts'
import { listsBytes } from '../../src/deployment/head-size.ts'
import { packLists, unpackLists, type Lists } from '../../src/journal/instance-list.ts'
import { Generation, InstanceId } from '../../src/kernel/id.ts'
import { instanceStates, observed } from '../support/journal-records.ts'
import { inFull } from '../support/size.ts'

const ids = fc
  .stringMatching(/^(m?i-[0-9a-f]{8,17}|srv-[a-z0-9]{1,60})$/)
  .map((id) => InstanceId.parse(id))
const generations = fc
  .oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER))
  .map((number) => Generation.parse(number))

const instances: fc.Arbitrary<InstanceState> = fc
  .tuple(instanceStates, ids, generations)
  .map(([instance, id, generation]) => ({
    ...instance,
    id,
    serving: instance.serving === null ? null : { ...instance.serving, generation },
  }))
const somePlaces: fc.Arbitrary<ObservedInstance> = fc
  .tuple(observed, ids, fc.option(generations, { nil: null }))
  .map(([place, id, generation]) => ({ ...place, id, generation }))

const listsWith = (some: fc.Arbitrary<ObservedInstance>): fc.Arbitrary<Lists> =>
  fc.record({
    instances: fc.array(instances, { maxLength: 300 }),
    observed: fc.array(some, { maxLength: 300 }),
  })
const lists = listsWith(somePlaces)
const numRuns = inFull(500, 60)

/** Of the same instances, row after row, as a head has them. */
const repeated: fc.Arbitrary<Lists> = fc
  .tuple(instances, somePlaces, fc.nat({ max: 1000 }))
  .map(([instance, place, count]) => ({
    instances: Array.from({ length: count }, () => instance),
    observed: Array.from({ length: count }, () => place),
  }))

describe('lists of instances, packed', () => {
  it('are unpacked as they were, whatever stands in them', () => {
    fc.assert(
      fc.property(fc.oneof(lists, repeated), (some) => {
        expect(unpackLists(packLists(some))).toEqual(some)
      }),
      { numRuns },
    )
  })

  it('keep a time as it was written, also where the code would write it otherwise', () => {
    const times = [
      '2026-11-20T10:00:00Z',
      '2026-11-20T10:00:00.123456Z',
      '1969-07-20T20:17:40.000Z',
    ]
    fc.assert(
      fc.property(
        listsWith(
          fc.tuple(somePlaces, fc.constantFrom(...times)).map(([place, at]) => ({ ...place, at })),
        ),
        (some) => {
          expect(unpackLists(packLists(some))).toEqual(some)
        },
      ),
      { numRuns },
    )
  })

  it('never take more than is reckoned for them, although nothing in them deflates', () => {
    fc.assert(
      fc.property(fc.oneof(lists, repeated), (some) => {
        const most = listsBytes(some.instances, some.observed)
        expect(packLists(some).length).toBeLessThanOrEqual(most)
      }),
      { numRuns },
    )
  })

  it('take no number that is not a natural one', () => {
    const [instance] = fc.sample(instances, 1)
    if (instance === undefined) throw new Error('no sample')
    for (const wave of [-1, 0.5, Number.NaN, Infinity])
      expect(() => packLists({ instances: [{ ...instance, wave }], observed: [] })).toThrow(
        RangeError,
      )
  })
})

describe('what is no packed list', () => {
  it('is told by null where it is anything but bytes', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        fc.pre(!(value instanceof Uint8Array))
        expect(unpackLists(value)).toBeNull()
      }),
    )
  })

  it('is told by null where it ends too early or goes on after its end', () => {
    fc.assert(
      fc.property(lists, fc.nat(), (some, drawn) => {
        const packed = packLists(some)
        const plain = packed[0] === 0
        expect(unpackLists(packed.subarray(0, drawn % packed.length))).toBeNull()
        if (plain) expect(unpackLists(Uint8Array.of(...packed, 0))).toBeNull()
      }),
      { numRuns },
    )
  })

  it('throws nothing, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 1 }), (bytes, form) => {
        expect(() => unpackLists(Uint8Array.of(form, ...bytes))).not.toThrow()
      }),
      { numRuns: inFull(20_000, 1000) },
    )
  })

  it('throws nothing where one byte of it was changed', () => {
    fc.assert(
      fc.property(lists, fc.nat(), fc.nat({ max: 255 }), (some, drawn, byte) => {
        const packed = Uint8Array.from(packLists(some))
        packed[drawn % packed.length] = byte
        expect(() => unpackLists(packed)).not.toThrow()
      }),
      { numRuns },
    )
  })
})
