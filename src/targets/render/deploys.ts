import * as z from 'zod'
import { addSeconds, toInstant, type Instant } from '../../kernel/clock.ts'
import { Digest } from '../../kernel/id.ts'
import { parseJson } from '../../kernel/json.ts'
import { succeed } from '../../kernel/result.ts'
import type { Order } from '../target.ts'
import { getFrom, type AskRender, type FromRender } from './api.ts'

const RenderTime = z.iso.datetime({ offset: true }).transform((text) => toInstant(new Date(text)))

/** A deploy of Render, the fields that are used. Render may add a status. */
const Deploy = z.object({
  id: z.string(),
  status: z.string(),
  trigger: z.string().nullish(),
  image: z
    .object({
      ref: z.string().nullish(),
      sha: z.string().nullish(),
      registryCredential: z.unknown().optional(),
    })
    .nullish(),
  createdAt: RenderTime,
  finishedAt: RenderTime.nullish(),
})
export type Deploy = z.infer<typeof Deploy>

/** The newest first. */
export const listDeploys = async (ask: AskRender): FromRender<readonly Deploy[]> => {
  const Listed = z.array(z.object({ deploy: Deploy }))
  const listed = await getFrom(ask, '/deploys?limit=50', Listed, 'deploys', true)
  return listed.ok ? succeed(listed.value.map(({ deploy }) => deploy)) : listed
}

export const readDeploy = (ask: AskRender, id: string): FromRender<Deploy> =>
  getFrom(ask, `/deploys/${id}`, Deploy, `the deploy ${id}`, true)

/** Begins a deploy of an image, or a rollback to an earlier deploy. Its id is null if Render did not tell it. */
export const beginDeploy = async (
  ask: AskRender,
  body: { readonly imageUrl: string } | { readonly deployId: string },
): FromRender<string | null> => {
  const path = 'imageUrl' in body ? '/deploys' : '/rollback'
  const answered = await ask({ method: 'POST', path, body })
  // 202 has no body: the deploy waits for another one, and is found in the list.
  return answered.ok ? succeed(parseJson(Deploy, answered.value.body)?.id ?? null) : answered
}

/** What Render's list is searched for: the deploy of a digest, or the rollback, that began at that time. */
export interface Search {
  readonly wanted: Digest | 'rollback'
  readonly since: Instant
}

/** An order without a release restores what Render had before. */
export const toSearch = ({ release, since }: Order): Search => ({
  wanted: release?.digest ?? 'rollback',
  since,
})

/** Whether it began at that time or later, with 5 s for the difference of two clocks. */
export const isSince = ({ createdAt }: Deploy, since: Instant): boolean =>
  createdAt >= addSeconds(since, -5)

export const readDigest = ({ image }: Deploy): string | null => image?.ref?.split('@')[1] ?? null

/** The newest deploy that an order began, also if its answer was lost. */
export const findOwn = (deploys: readonly Deploy[], { wanted, since }: Search): Deploy | null =>
  deploys.find(
    (deploy) =>
      (wanted === 'rollback'
        ? deploy.trigger === 'rollback'
        : deploy.trigger === 'api' && readDigest(deploy) === wanted) &&
      isSince(deploy, since) &&
      // A deploy that had ended by then belongs to another order.
      (typeof deploy.finishedAt !== 'string' || deploy.finishedAt >= since),
  ) ?? null

export const wasLive = ({ status }: Deploy): boolean =>
  status === 'live' || status === 'deactivated'

export const isDeployOver = (deploy: Deploy): boolean =>
  wasLive(deploy) ||
  ['build_failed', 'update_failed', 'pre_deploy_failed', 'canceled'].includes(deploy.status)

/** The handle that the journal keeps if there was nothing to begin: the service serves it already. */
export const unchanged = 'unchanged'

/** The handle that the journal keeps: the id of a deploy, or how to find it. */
export const toOperation = (id: string | null, { wanted, since }: Search): string =>
  id ?? `since ${since} ${wanted}`

/** Null if the operation is a deploy's id. */
export const parseSearch = (operation: string): Search | null => {
  const pattern = /^since (\S+) (sha256:[0-9a-f]{64}|rollback)$/
  const [, since, wanted] = pattern.exec(operation) ?? []
  if (since === undefined || wanted === undefined) return null
  return { since, wanted: wanted === 'rollback' ? wanted : Digest.parse(wanted) }
}
