import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import * as z from 'zod'
import {
  startVendor,
  Violation,
  type Answer,
  type Call,
  type Vendor,
} from '../../local/base/vendor.ts'
import { checkGithubCall } from './github-schema.ts'

/** `repos/create-deployment`, with a limit that only GitHub's answers tell. */
const DeploymentBody = z.strictObject({
  ref: z.string().min(1),
  task: z.string().optional(),
  auto_merge: z.boolean().optional(),
  required_contexts: z.array(z.string()).optional(),
  payload: z.union([z.record(z.string(), z.unknown()), z.string()]).optional(),
  environment: z.string().optional(),
  description: z.string().max(140).nullish(),
  transient_environment: z.boolean().optional(),
  production_environment: z.boolean().optional(),
})

/** `repos/create-deployment-status`. */
const StatusBody = z.strictObject({
  state: z.enum(['error', 'failure', 'inactive', 'in_progress', 'queued', 'pending', 'success']),
  target_url: z.url().optional(),
  log_url: z.url().optional(),
  description: z.string().max(140).optional(),
  environment: z.string().optional(),
  environment_url: z.url().optional(),
  auto_inactive: z.boolean().optional(),
})

/** `repos/list-deployments` and `repos/list-deployment-statuses`. */
const ListQuery = z.strictObject({
  sha: z.string().optional(),
  ref: z.string().optional(),
  task: z.string().optional(),
  environment: z.string().optional(),
  per_page: z.coerce.number().int().min(1).max(100).default(30),
  page: z.coerce.number().int().optional(),
})
const StatusQuery = ListQuery.pick({ per_page: true, page: true })

/** `apps/create-installation-access-token`. */
const TokenBody = z.strictObject({
  repositories: z.array(z.string().regex(/^[\w.-]+$/)).optional(),
  repository_ids: z.array(z.number()).optional(),
  permissions: z.record(z.string(), z.string()).optional(),
})

type StoredStatus = z.infer<typeof StatusBody> & { readonly id: number }
interface Stored extends z.infer<typeof DeploymentBody> {
  readonly id: number
  readonly statuses: StoredStatus[]
}

export interface GithubServer extends Vendor {
  readonly deployments: Stored[]
  /** Tokens that are accepted, as they stand after `Bearer`. */
  readonly tokens: Set<string>
  /** The states of each deployment in the order they were set, by generation of our payload. */
  states(): Readonly<Record<string, readonly string[]>>
}

export interface GithubServerOptions {
  readonly repository?: string
  /** Commits that are in the repository. */
  readonly commits?: readonly string[]
  /** A GitHub App that is installed on it. */
  readonly app?: {
    readonly id: string
    readonly publicKey: string
    readonly installation: number
    readonly makeToken: () => { readonly token: string; readonly expiresAt: string }
  }
  readonly now?: () => Date
}

const notFound: Answer = { status: 404, body: { message: 'Not Found' } }
const badCredentials: Answer = { status: 401, body: { message: 'Bad credentials' } }

const Header = z.strictObject({ alg: z.literal('RS256'), typ: z.literal('JWT') })
const Claims = z.strictObject({ iat: z.number().int(), exp: z.number().int(), iss: z.string() })

const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())

/** As GitHub checks an App's JWT: its signature, its issuer, issued before now, ten minutes at most. */
const isAppJwt = (jwt: string, key: KeyObject, appId: string, now: Date): boolean => {
  const [header = '', claims = '', signature = ''] = jwt.split('.')
  const signed = Buffer.from(`${header}.${claims}`)
  if (!verify('sha256', signed, key, Buffer.from(signature, 'base64url'))) return false
  Header.parse(decode(header))
  const { iat, exp, iss } = Claims.parse(decode(claims))
  const seconds = now.getTime() / 1000
  return iss === appId && iat <= seconds && exp > seconds && exp - seconds <= 600
}

const checkHeaders = ({ headers }: Call): void => {
  if (headers.accept !== 'application/vnd.github+json') throw new Violation('accept')
  if (headers['x-github-api-version'] !== '2022-11-28') throw new Violation('api version')
  if (!headers['user-agent']) throw new Violation('GitHub refuses requests without a user agent')
}

/** The part of api.github.com that tells of deployments, for one repository. */
export const startGithub = async (options: GithubServerOptions = {}): Promise<GithubServer> => {
  const { repository = 'acme/oc-lettings', commits = null, app, now = () => new Date() } = options
  const deployments: Stored[] = []
  const tokens = new Set<string>()
  let lastId = 1000
  const nextId = (): number => (lastId += 1)

  const handleApp = (call: Call, jwt: string): Answer => {
    if (app === undefined) return badCredentials
    if (!isAppJwt(jwt, createPublicKey(app.publicKey), app.id, now())) return badCredentials
    if (call.method === 'GET' && call.path === `/repos/${repository}/installation`)
      return { status: 200, body: { id: app.installation, account: { login: 'acme' } } }
    if (call.method !== 'POST') return notFound
    if (call.path !== `/app/installations/${app.installation}/access_tokens`) return notFound
    TokenBody.parse(call.body)
    const { token, expiresAt } = app.makeToken()
    tokens.add(token)
    const body = { token, expires_at: expiresAt, permissions: { deployments: 'write' } }
    return { status: 201, body }
  }

  const listDeployments = (query: unknown): Answer => {
    const { sha, task, environment, per_page } = ListQuery.parse(query)
    const found = deployments
      .filter((one) => (sha ?? one.ref) === one.ref && (task ?? one.task) === one.task)
      .filter((one) => (environment ?? one.environment) === one.environment)
    const body = found
      .toReversed()
      .slice(0, per_page)
      .map((one) => ({ ...one, sha: one.ref, statuses: undefined }))
    return { status: 200, body }
  }

  const createDeployment = (given: unknown): Answer => {
    const body = DeploymentBody.parse(given)
    if (body.auto_merge !== false) return { status: 202, body: { message: 'Auto-merged main' } }
    if (body.required_contexts?.length !== 0)
      return { status: 409, body: { message: 'Conflict: Commit status checks failed' } }
    if (commits?.includes(body.ref) === false)
      return { status: 422, body: { message: `No ref found for: ${body.ref}` } }
    const stored = { ...body, id: nextId(), statuses: [] }
    deployments.push(stored)
    return { status: 201, body: { id: stored.id, sha: body.ref, payload: body.payload } }
  }

  const handleStatuses = (call: Call, id: number): Answer => {
    const deployment = deployments.find((one) => one.id === id)
    if (deployment === undefined) return notFound
    if (call.method === 'GET') {
      const { per_page } = StatusQuery.parse(call.query)
      return { status: 200, body: deployment.statuses.toReversed().slice(0, per_page) }
    }
    const status = { ...StatusBody.parse(call.body), id: nextId() }
    deployment.statuses.push(status)
    return { status: 201, body: status }
  }

  const handle = (call: Call): Answer => {
    checkHeaders(call)
    checkGithubCall(call)
    const token = /^Bearer (\S+)$/.exec(call.headers.authorization ?? '')?.[1] ?? ''
    const isForApp = call.path.startsWith('/app/') || call.path.endsWith('/installation')
    if (isForApp) return handleApp(call, token)
    if (!tokens.has(token)) return badCredentials
    const prefix = `/repos/${repository}/deployments`
    if (call.path === prefix)
      return call.method === 'GET' ? listDeployments(call.query) : createDeployment(call.body)
    const id = new RegExp(`^${prefix}/(\\d+)/statuses$`).exec(call.path)?.[1]
    return id === undefined ? notFound : handleStatuses(call, Number(id))
  }

  const vendor = await startVendor(handle)
  const states = () =>
    Object.fromEntries(
      deployments.map(({ payload, statuses }) => [
        String(z.object({ generation: z.number() }).parse(payload).generation),
        statuses.map(({ state }) => state),
      ]),
    )
  return Object.assign(vendor, { deployments, tokens, states })
}
