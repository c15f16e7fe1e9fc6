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

/** Counts what a run does. */
export interface CarryWatch {
  readonly count: () => CarryCounts
  readonly addBlobs: (blobs: number) => void
  readonly addThere: (blobs: number) => void
  readonly addBytes: (bytes: number) => void
  /** Notes that the run is at work; the record may be another run's by now. */
  readonly note: () => Promise<void>
  /** Whether another run or a newer order was found to have taken this one's place. */
  readonly isReplaced: () => boolean
}

export const createCarryWatch = (
  clock: Clock,
  record: (progress: CarryProgress) => Promise<boolean>,
): CarryWatch => {
  let [blobs, blobsThere, sentBytes] = [0, 0, 0]
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
    addBytes: (more) => {
      sentBytes += more
    },
    note: async () => {
      isReplaced ||= !(await record({ status: 'carrying', ...count() }))
    },
    isReplaced: () => isReplaced,
  }
}
