import * as z from 'zod'
import type { Ended } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { packLists, unpackLists } from './instance-list.ts'
import type { Item } from './table.ts'

/** The attribute of a head, and of a deployment in the history, that holds the lists of instances. */
const attribute = 'instances'

const isObject = (value: unknown): value is Item =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Names the attribute, as a schema does. */
const refuseLists = (issues: Pick<z.RefinementCtx, 'addIssue'>): never => {
  issues.addIssue({ code: 'custom', path: [attribute] })
  return z.NEVER
}

export const packHead = ({ app, version, deployment, observed, ...rest }: Head): Item => {
  const { instances, ...opened } = deployment ?? { instances: [] }
  const body = { ...rest, deployment: deployment === null ? null : opened }
  return { app, version, body, [attribute]: packLists({ instances, observed }) }
}

export const unpackHead = (item: unknown, issues: Parameters<typeof refuseLists>[0]): unknown => {
  if (!isObject(item) || !isObject(item['body'])) return item
  const lists = unpackLists(item[attribute])
  if (lists === null) return refuseLists(issues)
  const { instances, observed } = lists
  const { deployment, ...rest } = item['body']
  const opened = isObject(deployment) ? { ...deployment, instances } : deployment
  return { ...item, body: { ...rest, deployment: opened, observed } }
}

export const packDeployment = ({ instances, ...rest }: Ended): Item => ({
  ...rest,
  [attribute]: packLists({ instances, observed: [] }),
})

export const unpackDeployment = (
  item: unknown,
  issues: Parameters<typeof refuseLists>[0],
): unknown => {
  if (!isObject(item)) return item
  const lists = unpackLists(item[attribute])
  return lists === null ? refuseLists(issues) : { ...item, instances: lists.instances }
}
