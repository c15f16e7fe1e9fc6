import { toInstant, type Clock } from '../kernel/clock.ts'
import type { CarryOrder, CarryProgress } from '../targets/carry.ts'

/** What is known of orders, one for each app and process type of Heroku. */
export interface CarryRecords {
  /** Takes an order on; false while another run is at it. */
  claim(order: CarryOrder, run: string, progress: CarryProgress): Promise<boolean>
  /** False where another run or a newer order has taken its place. */
  record(order: CarryOrder, run: string, progress: CarryProgress): Promise<boolean>
  readonly load: (order: CarryOrder) => Promise<CarryProgress | null>
}

export type CarryCounts = Pick<CarryProgress, 'at' | 'blobs' | 'blobsThere' | 'sentBytes'>

/** Counts what a run does, and notes it from time to time. */
export interface CarryWatch {
  readonly count: () => CarryCounts
  readonly addBlobs: (blobs: number) => void
  readonly addThere: (blobs: number) => void
  /** @throws Error where the run has been replaced */
  readonly onBytes: (bytes: number) => Promise<void>
}

const noteMilliseconds = 10_000

export const createCarryWatch = (
  clock: Clock,
  note: (progress: CarryProgress) => Promise<boolean>,
): CarryWatch => {
  let [blobs, blobsThere, sentBytes] = [0, 0, 0]
  let notedAt = clock().getTime()
  let isReplaced = false
  const count = (): CarryCounts => ({ at: toInstant(clock()), blobs, blobsThere, sentBytes })
  return {
    count,
    addBlobs: (more) => {
      blobs += more
    },
    addThere: (more) => {
      blobsThere += more
    },
    onBytes: async (bytes) => {
      sentBytes += bytes
      if (clock().getTime() - notedAt >= noteMilliseconds) {
        notedAt = clock().getTime()
        isReplaced = !(await note({ status: 'carrying', ...count() }))
      }
      if (isReplaced) throw new Error('another run has taken over')
    },
  }
}
