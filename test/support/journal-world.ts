import { BatchWriteItemCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Head } from '../../src/deployment/head.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory } from '../../src/journal/history.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import type { JournalTable } from '../../src/journal/table.ts'
import { createRedeploy, type RedeployRequest } from '../../src/rollout/redeploy.ts'
import { plainly } from './calls.ts'
import { commitAt } from './examples.ts'
import { createWorld, type World } from './rollout-world.ts'

/** What BatchWriteItem takes, each item once. */
const mostAtOnce = 25

type Raw = Readonly<Record<string, AttributeValue>>

/** A world whose heads, revisions and history lie in the real journal, which can be put back. */
export const createJournalWorld = (
  table: JournalTable,
  settings: Parameters<typeof createWorld>[0],
) => {
  const inner = createWorld(settings)
  const heads = createHeads(table)
  const history = createHistory(table)
  const { recordEvidence } = createEvidenceJournal(table)
  const toPorts: World['toPorts'] = (call) => ({
    ...inner.toPorts(call),
    heads,
    history,
    revisions: createRevisions(table),
    recordEvidence,
  })
  const world: World = { ...inner, toPorts }
  const keyOf = ({ pk = { S: '' }, sk = { S: '' } }: Raw) => ({ pk, sk })
  const read = async (): Promise<readonly Raw[]> => {
    const order = new ScanCommand({ TableName: table.name, ConsistentRead: true })
    return (await table.documents().send(order)).Items ?? []
  }
  const write = async (items: readonly Raw[]): Promise<void> => {
    const kept = new Set(items.map((item) => JSON.stringify(keyOf(item))))
    const gone = (await read()).map(keyOf).filter((key) => !kept.has(JSON.stringify(key)))
    const requests = [
      ...gone.map((Key) => ({ DeleteRequest: { Key } })),
      ...items.map((Item) => ({ PutRequest: { Item } })),
    ]
    for (let from = 0; from < requests.length; from += mostAtOnce) {
      const some = { [table.name]: requests.slice(from, from + mostAtOnce) }
      await table.documents().send(new BatchWriteItemCommand({ RequestItems: some }))
    }
  }
  return {
    world,
    history,
    loadHead: (): Promise<Head> => heads.load(world.app.name),
    /** CI is green for it and its image is there, now. */
    push: async (index: number): Promise<void> => {
      world.pushImage(index)
      const run = { ...world.runOf(index, 1, 'success'), createdAt: world.instant() }
      await recordEvidence(world.app.name, commitAt(index), commitAt(index), run, world.instant())
    },
    redeploy: (more: Partial<RedeployRequest>): ReturnType<ReturnType<typeof createRedeploy>> => {
      const auditLog = { recordOperation: () => Promise.resolve() }
      const wanted = { app: world.app, revision: null, from: null, force: false }
      const request = { ...wanted, by: 'ada', id: 'again' }
      return createRedeploy({ ...toPorts(plainly), auditLog })({ ...request, ...more })
    },
    /** All items of the table, and the table with these items and no others. */
    read,
    write,
  }
}
