import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { envelopeCharacters, mostInWave, roomBeside } from '../../../../src/targets/ec2/room.ts'

test('leaves an envelope what the document and the settings do not take of 64 KB', () => {
  expect(roomBeside('')).toBe(36_096)
  expect(roomBeside('x'.repeat(1200))).toBe(34_896)
})

// With the settings of a usual app. A wave has 50 instances at most; a secret is one of 64 KB at most.
test.each([
  [4 * 1024, 65],
  [8 * 1024, 53],
  [12 * 1024, 40],
  [16 * 1024, 28],
  [20 * 1024, 16],
  [24 * 1024, 4],
  [25_578, 1],
  [25_579, 0],
])(
  'fits an envelope of %i bytes beside the usual settings for %i instances',
  (bytes, instances) => {
    expect(mostInWave(bytes, roomBeside('x'.repeat(1200)))).toBe(instances)
  },
)

test('the page of reasons says how much env and secret may have, in whole kB', () => {
  const page = readFileSync('docs/reasons.md', 'utf8')
  const [, kilobytes] = /env and secret together may have about (\d+) kB/.exec(page) ?? []
  const fits = (bytes: number): number => mostInWave(bytes, roomBeside('x'.repeat(1200)))
  expect(fits(Number(kilobytes) * 1000)).toBeGreaterThan(0)
  expect(fits((Number(kilobytes) + 1) * 1000)).toBe(0)
})

test.each([
  // 160 bytes of its own, 4 for each begun KiB, 334 for each instance; 4 characters for 3 bytes.
  [1, 1, 668],
  [1024, 1, 2032],
  [1025, 1, 2036],
  [8192, 50, 33_448],
])(
  'reckons an envelope of %i bytes for %i instances as %i characters at most',
  (bytes, instances, characters) => {
    expect(envelopeCharacters(bytes, instances)).toBe(characters)
  },
)

test.each([
  [1000, 4000, 5],
  [1000, 2000, 1],
  [1000, 1999, 0],
  [1000, 40, 0],
])('fits an envelope of %i bytes into %i characters for %i instances', (bytes, room, instances) => {
  expect(mostInWave(bytes, room)).toBe(instances)
})
