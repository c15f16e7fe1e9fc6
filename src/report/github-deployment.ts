import * as z from 'zod'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment, NoticeKind } from '../deployment/notice.ts'
import { Digest, Generation, type AppName, type Commit } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { reasons } from '../kernel/reason.ts'
import { describePromotion, isGoLive } from './reporter.ts'

export type GithubState = 'in_progress' | 'success' | 'failure' | 'inactive'

/** `docs/decisions/0018-github-deployments.md` has the reasons. */
const states: Readonly<Record<NoticeKind, GithubState | null>> = {
  started: 'in_progress',
  succeeded: 'success',
  failed: 'failure',
  cancelled: 'inactive',
  // A deployment rolled back while it was open; a rollback that succeeded is a `success`.
  rolled_back: 'failure',
  frozen: null,
  unfrozen: null,
  not_rolled_back: null,
  drifted: null,
  certificate_changed: null,
  held: null,
  expired: null,
}

export const toState = (notice: Notice): GithubState | null =>
  isGoLive(notice) ? 'success' : states[notice.kind]

/** Identifies a deployment of Landfall: a generation may repeat after the journal was lost. */
const Payload = z.object({
  app: z.string(),
  generation: Generation,
  digest: Digest,
  by: z.string(),
  /** Of the first notice that was sent. It orders the deployments, because notices may arrive in another order. */
  at: z.iso.datetime(),
})

/** The used fields. GitHub returns a payload as an object or as text; a foreign payload becomes null. */
export const GithubDeployment = z.object({
  id: z.number().int(),
  payload: z
    .union([z.string().transform((text) => parseJson(z.unknown(), text)), z.unknown()])
    .transform((payload) => Payload.safeParse(payload).data ?? null),
})
export type GithubDeployment = z.infer<typeof GithubDeployment>

export const GithubStatus = z.object({ id: z.number().int(), state: z.string() })
export type GithubStatus = z.infer<typeof GithubStatus>

const ranks = new Map<string, number>([
  ['in_progress', 1],
  ['success', 2],
  ['inactive', 3],
  ['failure', 4],
  ['error', 4],
])

/** Whether the deployment has this state or a later one: a late notice must not bring back an earlier state. */
export const hasReached = (statuses: readonly GithubStatus[], state: GithubState): boolean =>
  statuses.some((status) => (ranks.get(status.state) ?? 0) >= (ranks.get(state) ?? 0))

/** Apps of one repository may share an environment; the task separates their deployments. */
export const toTask = (app: AppName): string => `deploy:${app}`

const cut = (text: string): string => {
  const characters = Array.from(text)
  return characters.length <= 140 ? text : `${characters.slice(0, 139).join('')}…`
}

/** `POST /repos/{owner}/{repo}/deployments`: GitHub merges nothing and waits for no other check. */
export const toDeployment = (
  app: App,
  { by, at }: Notice,
  deployment: NoticeDeployment,
  commit: Commit,
) => {
  const { kind, generation, digest, environment, origin } = deployment
  const kinds = { deploy: 'Deployment', redeploy: 'Redeployment', rollback: 'Rollback' }
  const title = origin?.title ? `: ${origin.title}` : ''
  const author = origin?.author ? ` (${origin.author})` : ''
  return {
    ref: commit,
    task: toTask(app.name),
    auto_merge: false,
    required_contexts: [],
    payload: { app: app.name, generation, digest, by, at } satisfies z.input<typeof Payload>,
    environment,
    production_environment: /^prod(uction)?$/i.test(environment),
    transient_environment: false,
    description: cut(
      `${kinds[kind]} ${generation} of ${app.name}${describePromotion(deployment)}, by ${by}${title}${author}`,
    ),
  }
}

/** Everybody who sees the repository reads it, so that an app's own words need a setting. */
const describeState = ({ reports }: App, { kind, reason, message }: Notice): string => {
  const told = reports.githubDescription === 'message' ? message : null
  const why = told ?? (reason === null ? null : reasons[reason])
  const what = kind.replace('_', ' ')
  const coded = reason === null || reason === 'deployed' ? what : `${what} (${reason})`
  return cut(why === null ? coded : `${coded}: ${why.replaceAll(/\s+/g, ' ')}`)
}

/** `POST …/deployments/{id}/statuses`. `auto_inactive` is off: GitHub's rules differ from Landfall's. */
export const toStatus = (app: App, notice: Notice, state: GithubState, pageUrl: string) => {
  const [host] = app.targets.flatMap(({ hosts }) => hosts)
  const mayServe = state === 'in_progress' || state === 'success'
  return {
    state,
    description: describeState(app, notice),
    auto_inactive: false,
    log_url: pageUrl,
    ...(mayServe && host !== undefined && { environment_url: `https://${host}` }),
  }
}
