import type { LoadResult } from '../load/load.ts'
import type { ShownDeployment } from '../team/operators.ts'

/** What came of one act, under its load. */
export interface Act {
  readonly title: string
  /** Whether it did what it said. */
  readonly ok: boolean
  readonly load: LoadResult
  /** From the webhook (or the invoke) to the first answer of what was to serve. */
  readonly seconds: number
  readonly deployment: ShownDeployment | null
  readonly says: string
}
