import * as z from 'zod'
import { createApiClient, isToken, limitTo, toBearer, type Ask } from '../api/client.ts'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment } from '../deployment/notice.ts'
import type { Clock } from '../kernel/clock.ts'
import { refused, type ForeignFailure } from '../kernel/foreign.ts'
import { isLoopback, type Http } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { readNamedSecret } from '../secrets/named-secret.ts'
import {
  isGoLive,
  mostMilliseconds,
  noticeSent,
  type Reporter,
  type ReporterPorts,
} from './reporter.ts'

const Slug = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,99}$/)

const SentrySecret = z.strictObject({
  token: z
    .string()
    .refine(isToken)
    .transform((token) => new Redacted(token)),
  organization: Slug,
  projects: z.array(Slug).min(1),
  url: z
    .string()
    .refine((text) => URL.canParse(text))
    .transform((text) => new URL('/', text))
    .refine(({ protocol, hostname }) => protocol === 'https:' || isLoopback(hostname))
    .prefault('https://sentry.io'),
})
type SentrySecret = z.infer<typeof SentrySecret>

/** Each notice reads the secret again, so the token is not kept. */
const openSentry = ({ token, organization, url }: SentrySecret, http: Http, clock: Clock): Ask =>
  createApiClient(clock)(
    {
      url: `${url.origin}/api/0/organizations/${organization}/releases/`,
      headers: {},
      credential: organization,
      authorize: async () => succeed({ header: toBearer(token), keptUntil: null }),
      meanings: {
        401: 'the token is not valid (any more)',
        403: 'the token lacks the scope org:ci or project:releases',
        404: 'no such organization or project, or it is in another region (url)',
      },
      toFailure: (failure) => failure,
    },
    http,
  )

/** Sentry's rules for the name of a release (docs.sentry.io/cli/releases). */
const isReleaseName = (name: string): boolean =>
  /^[^\n\t\r/\\]{1,200}$/.test(name) && !['.', '..', ' '].includes(name)

/** Creates the release; an earlier try, an earlier deployment or the app's first event may have done so. */
const recordRelease = async (
  ask: Ask,
  { projects }: SentrySecret,
  version: string,
  app: App,
  { deployment, at }: Notice,
): Promise<Result<null, ForeignFailure>> => {
  const commit = deployment?.commit ?? null
  // One commit is enough: where Sentry knows the repository, it finds the commits in between.
  // No message and no author: Sentry would replace with them what its own integration has read of the commit.
  const { compareUrl, runUrl } = deployment?.origin ?? {}
  const commits =
    commit === null || app.repository === null ? [] : [{ id: commit, repository: app.repository }]
  const url = compareUrl ?? runUrl
  const created = await ask({
    method: 'POST',
    path: '',
    body: { version, projects, ...(url && { url }), ...(commits.length > 0 && { commits }) },
  })
  if (!created.ok) return created
  const release = parseJson(z.object({ dateReleased: z.string().nullish() }), created.value.body)
  // After a rollback a release keeps its first date.
  if (release?.dateReleased) return succeed(null)
  const path = `${encodeURIComponent(version)}/`
  const dated = await ask({ method: 'PUT', path, body: { dateReleased: at } })
  return dated.ok ? succeed(null) : dated
}

/** Creates the deploy unless it exists: Sentry accepts the same one twice. */
const recordDeploy = async (
  ask: Ask,
  { projects }: SentrySecret,
  version: string,
  deploy: {
    readonly name: string
    readonly environment: string
    readonly dateFinished: string
    readonly url?: string
  },
): Promise<Result<null, ForeignFailure>> => {
  const path = `${encodeURIComponent(version)}/deploys/`
  const listed = await ask({ method: 'GET', path })
  if (!listed.ok) return listed
  const Deploy = z.object({ environment: z.string(), name: z.string().nullish() })
  const deploys = parseJson(z.array(Deploy), listed.value.body)
  if (deploys === null) return fail(refused('Sentry sent no list of deploys'))
  const isThere = deploys.some(
    ({ name, environment }) => name === deploy.name && environment === deploy.environment,
  )
  if (isThere) return succeed(null)
  const created = await ask({ method: 'POST', path, body: { ...deploy, projects } })
  return created.ok ? succeed(null) : created
}

/**
 * Release and environment are the `SENTRY_RELEASE` and `SENTRY_ENVIRONMENT` that the container gets
 * (`host/envelope.sh`), so that its events belong to this release.
 */
const sendRelease = async (
  ask: Ask,
  secret: SentrySecret,
  app: App,
  notice: Notice,
  { generation, commit, digest, environment, origin }: NoticeDeployment,
) => {
  const version = app.env['SENTRY_RELEASE'] ?? `${app.name}@${commit ?? digest.slice(7, 19)}`
  if (!isReleaseName(version))
    return refused('SENTRY_RELEASE in env of landfall.yml is not a valid name of a Sentry release')
  const released = await recordRelease(ask, secret, version, app, notice)
  if (!released.ok) return released.error
  const deployed = await recordDeploy(ask, secret, version, {
    name: `${app.name} #${generation}`,
    environment: (app.env['SENTRY_ENVIRONMENT'] ?? environment).slice(0, 64),
    dateFinished: notice.at,
    ...(origin?.runUrl && { url: origin.runUrl }),
  })
  return deployed.ok ? noticeSent : deployed.error
}

/** Reports what became live as a Sentry release with its commit and a deploy of it; a rollback is another deploy. */
export const createSentryReporter =
  (ports: ReporterPorts): Reporter =>
  async (notice, app) => {
    const { deployment } = notice
    if (!isGoLive(notice) || deployment === null) return noticeSent
    const name = app.reports.sentry
    if (name === null) return refused(`${app.name} has no reports.sentry in landfall.yml`)
    const http = limitTo(ports.http, mostMilliseconds, ports.clock)
    const read = await readNamedSecret(ports.readSecret, name)
    if (!read.ok) return read.error
    const secret = parseJson(SentrySecret, read.value.reveal())
    if (secret === null) {
      const expected = '{ "token", "organization", "projects": […], "url"? } for Sentry'
      return refused(`the secret ${name} is not ${expected}`)
    }
    return sendRelease(openSentry(secret, http, ports.clock), secret, app, notice, deployment)
  }
