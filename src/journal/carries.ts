import type { PutCommandInput } from '@aws-sdk/lib-dynamodb'
import type { CarryRecords } from '../carry/watch.ts'
import { addSeconds } from '../kernel/clock.ts'
import { carryStaleSeconds, CarryProgress, type CarryOrder } from '../targets/carry.ts'
import { isOurs, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

/** What tells one order for an app and a process type from another. */
const toCarryContent = ({ digest, release, attempt }: CarryOrder): string =>
  [digest, ...(release === null ? [] : [JSON.stringify(release)]), attempt ?? []].flat().join(' ')

/** Nothing is known yet, or of another order; this run claimed before; no run is at it, or a dead one. */
const isFree =
  'attribute_not_exists(pk) OR content <> :content OR run = :run OR #status <> :carrying OR #at <= :stale'

type Condition = Pick<PutCommandInput, 'ConditionExpression' | 'ExpressionAttributeNames'>

const createPut =
  (table: JournalTable) =>
  (
    order: CarryOrder,
    run: string,
    progress: CarryProgress,
    condition: Condition,
    values: Readonly<Record<string, string>>,
  ): Promise<boolean> => {
    const item = {
      ...itemKey.carry(order.heroku, order.process),
      schemaVersion,
      content: toCarryContent(order),
      run,
      ...progress,
      expiresAt: expiresAt(progress.at, 'carry'),
    }
    return putItem(table, item, {
      ...condition,
      ExpressionAttributeValues: { ':schemaVersion': schemaVersion, ':run': run, ...values },
    })
  }

export const createCarryRecords = (table: JournalTable): CarryRecords => {
  const put = createPut(table)
  return {
    claim: (order, run, progress) => {
      const condition = {
        ConditionExpression: `${isOurs} AND (${isFree})`,
        ExpressionAttributeNames: { '#status': 'status', '#at': 'at' },
      }
      return put(order, run, progress, condition, {
        ':content': toCarryContent(order),
        ':carrying': 'carrying',
        ':stale': addSeconds(progress.at, -carryStaleSeconds),
      })
    },
    record: (order, run, progress) =>
      put(order, run, progress, { ConditionExpression: `${isOurs} AND run = :run` }, {}),
    load: async (order) => {
      const key = itemKey.carry(order.heroku, order.process)
      const item = await readItem(table, key)
      if (item === null) return null
      const progress = parseItem(CarryProgress, key, item)
      return item['content'] === toCarryContent(order) ? progress : null
    },
  }
}
