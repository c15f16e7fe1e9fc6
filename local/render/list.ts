import { badRequest } from './answers.ts'
import type { Answer } from '../base/vendor.ts'
import type { Deploy } from './deploy.ts'
import type { DeployQuery, Page } from './schema.ts'

const toCursor = (id: string): string => Buffer.from(id).toString('base64')

/** A page of what comes after the cursor, each with its own cursor beside it. */
export const toPage = <Item>(
  items: readonly Item[],
  { cursor, limit }: Page,
  idOf: (item: Item) => string,
  describe: (item: Item) => Readonly<Record<string, unknown>>,
): Answer => {
  const found = items.findIndex((item) => toCursor(idOf(item)) === cursor)
  if (cursor !== undefined && found < 0) return badRequest('invalid cursor')
  const page = items.slice(found + 1, found + 1 + limit)
  const body = page.map((item) => ({ ...describe(item), cursor: toCursor(idOf(item)) }))
  return { status: 200, body }
}

const isWithin = (
  at: number | null,
  after: number | undefined,
  before: number | undefined,
): boolean => {
  if (after === undefined && before === undefined) return true
  return at !== null && at > (after ?? -Infinity) && at < (before ?? Infinity)
}

/** The newest first. */
export const selectDeploys = (deploys: readonly Deploy[], query: DeployQuery): readonly Deploy[] =>
  deploys
    .filter(({ status }) => query.status?.some((one) => one === status) ?? true)
    .filter((one) => isWithin(one.createdAt, query.createdAfter, query.createdBefore))
    .filter((one) => isWithin(one.updatedAt, query.updatedAfter, query.updatedBefore))
    .filter((one) => isWithin(one.finishedAt, query.finishedAfter, query.finishedBefore))
    .toReversed()
