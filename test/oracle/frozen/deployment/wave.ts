/** SSM takes at most 50 instances in one command. */
export const largestWave = 50

export interface Batch {
  readonly kind: 'count' | 'percent'
  readonly value: number
}

/**
 * The wave of each of `count` instances, in order: the first instance alone (it runs `predeploy` and
 * shows whether the release works at all), then batches of the given size, as far as `capacity`
 * instances go into one command.
 */
export const planWaves = (count: number, batch: Batch, capacity: number): readonly number[] => {
  const wished = batch.kind === 'count' ? batch.value : Math.ceil((count * batch.value) / 100)
  const size = Math.max(1, Math.min(largestWave, capacity, wished))
  return Array.from({ length: count }, (_, index) => Math.ceil(index / size))
}
