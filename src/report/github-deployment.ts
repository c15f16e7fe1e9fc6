import * as z from 'zod'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeKind, NoticeDeployment } from '../deployment/notice.ts'
import { Digest, Generation, type AppName, type Commit } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { reasons } from '../kernel/reason.ts'
import { isLive } from './reporter.ts'

export type State = 'in_progress' | 'success' | 'failure' | 'inactive'

/** `docs/decisions/0018-github-deployments.md` says why these. */
const states: Readonly<Record<NoticeKind, State | null>> = {
  started: 'in_progress',
  succeeded: 'success',
  failed: 'failure',
  cancelled: 'inactive',
  // Taken back while it was open; a rollback that came through is a success of its own.
  rolled_back: 'failure',
  frozen: null,
  unfrozen: null,
  not_rolled_back: null,
  drifted: null,
}

export const toState = (fact: Notice): State | null =>
  isLive(fact) ? 'success' : states[fact.kind]

/** What we write into a deployment, and know it by: the same generation may come again after a lost journal. */
const Payload = z.object({
  app: z.string(),
  generation: Generation,
  digest: Digest,
  by: z.string(),
  /** Of the first fact told of it. It orders our deployments, which may be told in another order. */
  at: z.iso.datetime(),
})

/** GitHub hands a payload back as an object or as its text; one that is not ours is null. */
const OurPayload = z
  .union([z.string().transform((text) => parseJson(z.unknown(), text)), z.unknown()])
  .transform((payload) => Payload.safeParse(payload).data ?? null)

/** Of a GitHub Deployment, what is used here. */
export const GithubDeployments = z.array(z.object({ id: z.number().int(), payload: OurPayload }))
export type GithubDeployment = z.infer<typeof GithubDeployments>[number]
export const CreatedDeployment = z.object({ id: z.number().int() })

export const GithubStatuses = z.array(z.object({ id: z.number().int(), state: z.string() }))
export type GithubStatus = z.infer<typeof GithubStatuses>[number]

/** A deployment's states only go up: whatever is told late does not bring it back to life. */
const ranks = new Map<string, number>([
  ['in_progress', 1],
  ['success', 2],
  ['inactive', 3],
  ['failure', 4],
  ['error', 4],
])

const rankOf = (state: string): number => ranks.get(state) ?? 0

export const isTold = (statuses: readonly GithubStatus[], state: State): boolean =>
  statuses.some((status) => rankOf(status.state) >= rankOf(state))

/** The list's order is not promised; the ids go up. */
export const newestState = (statuses: readonly GithubStatus[]): string | null =>
  statuses.toSorted((one, other) => other.id - one.id)[0]?.state ?? null

/** Several apps of one repository may share an environment: each has its own row of deployments. */
export const toTask = (app: AppName): string => `deploy:${app}`

export const isOf =
  (app: App, { generation, digest }: NoticeDeployment) =>
  ({ payload }: GithubDeployment): boolean =>
    payload?.app === app.name && payload.generation === generation && payload.digest === digest

const mostDescription = 140
const cut = (text: string): string =>
  text.length <= mostDescription ? text : `${text.slice(0, mostDescription - 1)}…`

const kindNames = { deploy: 'Deployment', redeploy: 'Redeployment', rollback: 'Rollback' }

/** `POST /repos/{owner}/{repo}/deployments`: nothing is merged, and no other check is waited for. */
export const toDeployment = (app: App, fact: Notice, told: NoticeDeployment, commit: Commit) => ({
  ref: commit,
  task: toTask(app.name),
  auto_merge: false,
  required_contexts: [],
  payload: {
    app: app.name,
    generation: told.generation,
    digest: told.digest,
    by: fact.by,
    at: fact.at,
  } satisfies z.input<typeof Payload>,
  environment: told.environment,
  production_environment: /^prod(uction)?$/i.test(told.environment),
  transient_environment: false,
  description: cut(`${kindNames[told.kind]} ${told.generation} of ${app.name}, by ${fact.by}`),
})

const describeState = ({ kind, reason, message }: Notice): string => {
  const why = message ?? (reason === null ? null : reasons[reason])
  const what = kind.replace('_', ' ')
  const coded = reason === null || reason === 'deployed' ? what : `${what} (${reason})`
  return cut(why === null ? coded : `${coded}: ${why.replaceAll(/\s+/g, ' ')}`)
}

/** The first host that users come by; only what may run has an address. */
const findAddress = ({ targets }: App): string | null => {
  const [host] = targets.flatMap(({ hosts }) => hosts)
  return host === undefined ? null : `https://${host}`
}

/** `POST …/deployments/{id}/statuses`; GitHub would set others inactive by rules that are not ours. */
export const toStatus = (app: App, fact: Notice, state: State, logUrl: string | null) => {
  const address = state === 'in_progress' || state === 'success' ? findAddress(app) : null
  return {
    state,
    description: describeState(fact),
    auto_inactive: false,
    ...(logUrl !== null && { log_url: logUrl }),
    ...(address !== null && { environment_url: address }),
  }
}

/** Another one of the app went live after it, or instead of it. */
export const toEndedState = (live: Generation, isTakenBack: boolean) => ({
  state: isTakenBack ? 'failure' : 'inactive',
  description: isTakenBack ? `Taken back by rollback ${live}` : `Deployment ${live} is live`,
  auto_inactive: false,
})
