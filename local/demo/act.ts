import type { LoadResult } from '../load/load.ts'
import type { ShownDeployment } from '../team/operators.ts'

/** What came of one act. */
export interface Act {
  readonly title: string
  /** Whether it did what it said. */
  readonly ok: boolean
  /** Null where nobody's requests are sent. */
  readonly load: LoadResult | null
  /** From the webhook (or the invoke) to the first answer of what was to serve. */
  readonly seconds: number
  readonly deployment: ShownDeployment | null
  readonly says: string
}

/** One that was played under a load. */
export interface LoadedAct extends Act {
  readonly load: LoadResult
}
