import * as z from 'zod'
import type { App } from '../../deployment/app.ts'
import { addSeconds, toInstant, type Instant } from '../../kernel/clock.ts'
import type { HttpResponse } from '../../kernel/http.ts'
import { Digest } from '../../kernel/id.ts'
import { parseJson } from '../../kernel/json.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { failLater, type AskRender, type RenderFailure } from './api.ts'
import { nameImage } from './service.ts'

const time = z.iso.datetime({ offset: true }).transform((text) => toInstant(new Date(text)))

/** A deploy of Render, the fields that are used. Its status may be one that nobody knows yet. */
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
  createdAt: time,
  finishedAt: time.nullish(),
})
export type Deploy = z.infer<typeof Deploy>

const Listed = z.array(z.object({ deploy: Deploy }))

type AskedDeploy<Value> = Promise<Result<Value, RenderFailure>>

const unreadable = failLater('Render describes the deploy in another way', true)

/** The newest first. */
export const listDeploys = async (ask: AskRender): AskedDeploy<readonly Deploy[]> => {
  const answered = await ask({ method: 'GET', path: '/deploys?limit=50' })
  if (!answered.ok) return answered
  const listed = parseJson(Listed, answered.value.body)
  return listed === null ? unreadable : succeed(listed.map(({ deploy }) => deploy))
}

export const readDeploy = async (ask: AskRender, id: string): AskedDeploy<Deploy> => {
  const answered = await ask({ method: 'GET', path: `/deploys/${id}` })
  if (!answered.ok) return answered
  const deploy = parseJson(Deploy, answered.value.body)
  return deploy === null ? unreadable : succeed(deploy)
}

/** 202 has no body: the deploy waits for another, and is to be found in the list. */
const toBegun = (response: HttpResponse): string | null =>
  parseJson(Deploy, response.body)?.id ?? null

/** The new deploy's id; null where Render has not told it. */
export const beginDeploy = async (
  ask: AskRender,
  { image }: App,
  digest: Digest,
): AskedDeploy<string | null> => {
  const body = { imageUrl: `${nameImage(image)}@${digest}` }
  const answered = await ask({ method: 'POST', path: '/deploys', body })
  return answered.ok ? succeed(toBegun(answered.value)) : answered
}

/** Runs once more what an earlier deploy ran. */
export const beginRollback = async (
  ask: AskRender,
  deployId: string,
): AskedDeploy<string | null> => {
  const answered = await ask({ method: 'POST', path: '/rollback', body: { deployId } })
  return answered.ok ? succeed(toBegun(answered.value)) : answered
}

/** What an order is recognised by in Render's list: the digest it deploys, or that it rolls back. */
export type Wanted = Digest | 'rollback'

export interface Search {
  readonly wanted: Wanted
  readonly since: Instant
}

/** Render's clock is not ours. */
const clocksDifferBySeconds = 5

/** Whether it was begun at that time or after it, as far as two clocks can tell. */
export const isSince = ({ createdAt }: Deploy, since: Instant): boolean =>
  createdAt >= addSeconds(since, -clocksDifferBySeconds)

export const readDigest = ({ image }: Deploy): string | null => image?.ref?.split('@')[1] ?? null

const isWanted = (deploy: Deploy, wanted: Wanted): boolean =>
  wanted === 'rollback'
    ? deploy.trigger === 'rollback'
    : deploy.trigger === 'api' && readDigest(deploy) === wanted

/** The newest deploy that was begun under an order: also by one whose answer was lost. */
export const findOwn = (deploys: readonly Deploy[], { wanted, since }: Search): Deploy | null =>
  deploys.find(
    (deploy) =>
      isWanted(deploy, wanted) &&
      isSince(deploy, since) &&
      // What had ended by then was begun under another order.
      (typeof deploy.finishedAt !== 'string' || deploy.finishedAt >= since),
  ) ?? null

export const wasLive = ({ status }: Deploy): boolean =>
  status === 'live' || status === 'deactivated'

const failed = ['build_failed', 'update_failed', 'pre_deploy_failed', 'canceled']

export const isDeployOver = (deploy: Deploy): boolean =>
  wasLive(deploy) || failed.includes(deploy.status)

/** The handle that the journal keeps: a deploy's id, or by what to find it. */
export const toOperation = (id: string | null, { wanted, since }: Search): string =>
  id ?? `since ${since} ${wanted}`

/** Nothing had to be begun: what was to be brought back is there. */
export const unchanged = 'unchanged'

const pattern = /^since (\S+) (sha256:[0-9a-f]{64}|rollback)$/

/** Null where the operation is a deploy's id. */
export const parseSearch = (operation: string): Search | null => {
  const [, since, wanted] = pattern.exec(operation) ?? []
  if (since === undefined || wanted === undefined) return null
  return { since, wanted: wanted === 'rollback' ? wanted : Digest.parse(wanted) }
}
