import { deflateRawSync, inflateRawSync } from 'node:zlib'

/** Whole numbers up to here are exact, `Number.MAX_SAFE_INTEGER` plus one included. */
const largestNumber = 2 ** 53

/** Writes numbers in as many bytes as they need, and bytes as they are. */
export const createPacker = () => {
  const packed: number[] = []
  const bytes = (value: Iterable<number>): void => {
    for (const byte of value) packed.push(byte)
  }
  const number = (value: number): void => {
    if (!Number.isInteger(value) || value < 0 || value > largestNumber)
      throw new RangeError('only natural numbers are packed')
    let left = value
    for (; left >= 128; left = Math.floor(left / 128)) packed.push(128 + (left % 128))
    packed.push(left)
  }
  const text = (value: string): void => {
    const utf8 = new TextEncoder().encode(value)
    number(utf8.length)
    bytes(utf8)
  }
  return { bytes, number, text, packed: () => Uint8Array.from(packed) }
}
export type Packer = ReturnType<typeof createPacker>

/** Reads what a packer wrote; throws a `RangeError` on anything else. */
export const createUnpacker = (packed: Uint8Array) => {
  let at = 0
  const bytes = (count: number): Uint8Array => {
    if (at + count > packed.length) throw new RangeError('it ends too early')
    at += count
    return packed.subarray(at - count, at)
  }
  const number = (): number => {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const [byte = 0] = bytes(1)
      value += (byte % 128) * factor
      if (!(value <= largestNumber)) throw new RangeError('a number is too large')
      if (byte < 128) return value
    }
  }
  /** The number of values that follow: each takes a byte at least, so a false number makes no long list. */
  const count = (): number => {
    const value = number()
    if (value > packed.length - at) throw new RangeError('it ends too early')
    return value
  }
  const text = (): string => new TextDecoder('utf8', { fatal: true }).decode(bytes(number()))
  const end = (): void => {
    if (at < packed.length) throw new RangeError('it goes on after its end')
  }
  return { bytes, number, count, text, end }
}
export type Unpacker = ReturnType<typeof createUnpacker>

/** The first byte says whether the rest is deflated: the result is at most one byte longer than its input. */
const forms = { plain: 0, deflated: 1 }
/** A head's lists take a tenth of it; anything that inflates to more is refused. */
const mostInflatedBytes = 4 * 1024 * 1024

export const deflate = (plain: Uint8Array): Uint8Array => {
  const deflated = deflateRawSync(plain)
  return deflated.length < plain.length
    ? Buffer.concat([Uint8Array.of(forms.deflated), deflated])
    : Buffer.concat([Uint8Array.of(forms.plain), plain])
}

/** Throws on anything that `deflate` did not make. */
export const inflate = (stored: Uint8Array): Uint8Array => {
  const rest = stored.subarray(1)
  if (stored[0] === forms.plain) return rest
  if (stored[0] !== forms.deflated) throw new RangeError('its form is unknown')
  return inflateRawSync(rest, { maxOutputLength: mostInflatedBytes })
}
