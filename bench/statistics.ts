/** The value below which a share of the sorted values lies. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const below = sorted[Math.ceil(middle) - 1] ?? NaN
  const above = sorted[Math.floor(middle)] ?? NaN
  return (below + above) / 2
}

/** `1.52 s (1.48 – 1.61)`: the median, the least and the most, of milliseconds. */
export const toSeconds = (milliseconds: readonly number[]): string => {
  const [middle, least, most] = [median(milliseconds), ...toRange(milliseconds)].map((value) =>
    (value / 1000).toFixed(2),
  )
  return `${middle} s (${least} – ${most})`
}

/** The same as `12.3 ms (11.0 – 14.2)`. */
export const toMilliseconds = (milliseconds: readonly number[]): string => {
  const [middle, least, most] = [median(milliseconds), ...toRange(milliseconds)].map((value) =>
    value.toFixed(1),
  )
  return `${middle} ms (${least} – ${most})`
}

const toRange = (values: readonly number[]): readonly number[] => [
  Math.min(...values),
  Math.max(...values),
]
