import type { Difference } from './trace.ts'

/** A difference that was expected before the comparison was run, and why it is right. */
export interface Expected {
  readonly why: string
  readonly covers: (difference: Difference) => boolean
}

/** Empty: the rewrite changes no behaviour. What is added here is agreed on first, one entry a reason. */
export const expected: readonly Expected[] = []
