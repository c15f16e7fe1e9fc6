import type { Mistake } from './mistake.ts'
import type { LandfallFile } from './schema.ts'

export interface Findings {
  readonly mistakes: readonly Mistake[]
  readonly warnings: readonly Mistake[]
}

export const check = (_file: LandfallFile): Findings => ({ mistakes: [], warnings: [] })
