/** A number in [0, 2^32) that depends on nothing but the parts: the same for both sides. */
export const hash = (...parts: readonly (string | number)[]): number => {
  let value = 2_166_136_261
  for (const character of parts.join('\u0000'))
    value = Math.imul(value ^ character.charCodeAt(0), 16_777_619)
  value = Math.imul(value ^ (value >>> 16), 2_246_822_507)
  value = Math.imul(value ^ (value >>> 13), 3_266_489_909)
  return (value ^ (value >>> 16)) >>> 0
}

export interface Random {
  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number
  /** True this often. */
  chance(share: number): boolean
  pick<Value>(values: readonly [Value, ...Value[]]): Value
}

/** mulberry32: small, fast and seeded. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (least: number, most: number): number =>
    least + Math.floor(next() * (most - least + 1))
  return {
    int,
    chance: (share) => next() < share,
    pick: (values) => values[int(0, values.length - 1)] ?? values[0],
  }
}
