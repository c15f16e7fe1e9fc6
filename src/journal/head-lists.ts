import * as z from 'zod'
import type { Ended } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { shareSettings } from '../deployment/head-size.ts'
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

export const packHead = (head: Head): Item => {
  const { app, version, observed, deployment: _, ...rest } = head
  const { releases, deployment, settings } = shareSettings(head)
  const { instances, ...opened } = deployment ?? { instances: [] }
  const body = { ...rest, releases, deployment: deployment === null ? null : opened, settings }
  return { app, version, body, [attribute]: packLists({ instances, observed }) }
}

/** A release with its settings; one of an earlier form has them already. */
const unshare =
  (settings: unknown) =>
  (release: unknown): unknown => {
    if (!isObject(release) || typeof release['settings'] !== 'number') return release
    const own: unknown = Array.isArray(settings) ? settings[release['settings']] : undefined
    return { ...release, settings: own }
  }

export const unpackHead = (item: unknown, issues: Parameters<typeof refuseLists>[0]): unknown => {
  if (!isObject(item) || !isObject(item['body'])) return item
  const lists = unpackLists(item[attribute])
  if (lists === null) return refuseLists(issues)
  const { instances, observed } = lists
  const { deployment, releases, settings, ...rest } = item['body']
  const restore = unshare(settings)
  const opened = isObject(deployment)
    ? { ...deployment, release: restore(deployment['release']), instances }
    : deployment
  const restored = Array.isArray(releases) ? releases.map(restore) : releases
  return { ...item, body: { ...rest, releases: restored, deployment: opened, observed } }
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
