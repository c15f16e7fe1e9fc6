import * as z from 'zod'
import { createApiClient, limitTo, toBearer, type Ask } from '../api/client.ts'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment } from '../deployment/notice.ts'
import type { Clock } from '../kernel/clock.ts'
import { refused, type ForeignFailure } from '../kernel/foreign.ts'
import { isLoopback, type Http } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { readNamedSecret, type ReadCurrentSecret } from '../secrets/named-secret.ts'
import { isLive, mostMilliseconds, told, type Reporter } from './reporter.ts'
import { findReleaseName, findSentryEnvironment } from './sentry-names.ts'

export interface SentryReleasePorts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
}

const Slug = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,99}$/)

const Address = z
  .string()
  .refine((text) => URL.canParse(text))
  .transform((text) => new URL('/', text))
  .refine(({ protocol, hostname }) => protocol === 'https:' || isLoopback(hostname))

const SentrySecret = z.strictObject({
  token: z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .transform((token) => new Redacted(token)),
  organization: Slug,
  projects: z.array(Slug).min(1),
  url: Address.prefault('https://sentry.io'),
})
type SentrySecret = z.infer<typeof SentrySecret>

const expected = '{ "token", "organization", "projects": […], "url"? } for Sentry'

/** The secret is read anew for each fact, so its token is not kept. */
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
        404: 'no such organization or project, or it lies in another region (url)',
      },
      toFailure: (failure) => failure,
    },
    http,
  )

const SentryRelease = z.object({ dateReleased: z.string().nullish() })
const Deploys = z.array(z.object({ environment: z.string(), name: z.string().nullish() }))

/** Created, or there already: by an earlier try, an earlier deployment, or the app's first event. */
const recordRelease = async (
  ask: Ask,
  { projects }: SentrySecret,
  version: string,
  app: App,
  { deployment, at }: Notice,
): Promise<Result<null, ForeignFailure>> => {
  const commit = deployment?.commit ?? null
  // Only what is known: Sentry can list what lies between two commits where it knows the repository.
  const commits =
    commit === null || app.repository === null ? [] : [{ id: commit, repository: app.repository }]
  const made = await ask({
    method: 'POST',
    path: '',
    body: { version, projects, ...(commits.length > 0 && { commits }) },
  })
  if (!made.ok) return made
  // A release that comes back was released when it first went out.
  if (parseJson(SentryRelease, made.value.body)?.dateReleased) return succeed(null)
  const path = `${encodeURIComponent(version)}/`
  const dated = await ask({ method: 'PUT', path, body: { dateReleased: at } })
  return dated.ok ? succeed(null) : dated
}

/** Sentry would take the same deploy twice: what is there is looked up first. */
const recordDeploy = async (
  ask: Ask,
  { projects }: SentrySecret,
  version: string,
  deploy: { readonly name: string; readonly environment: string; readonly dateFinished: string },
): Promise<Result<null, ForeignFailure>> => {
  const path = `${encodeURIComponent(version)}/deploys/`
  const listed = await ask({ method: 'GET', path })
  if (!listed.ok) return listed
  const deploys = parseJson(Deploys, listed.value.body)
  if (deploys === null) return fail(refused('Sentry answered with no list of deploys'))
  const isThere = deploys.some(
    ({ name, environment }) => name === deploy.name && environment === deploy.environment,
  )
  if (isThere) return succeed(null)
  const made = await ask({ method: 'POST', path, body: { ...deploy, projects } })
  return made.ok ? succeed(null) : made
}

const sendRelease = async (
  ask: Ask,
  secret: SentrySecret,
  app: App,
  fact: Notice,
  deployment: NoticeDeployment,
) => {
  const version = findReleaseName(app, deployment)
  if (version === null)
    return refused('SENTRY_RELEASE in env of landfall.yml is no name for a release of Sentry')
  const released = await recordRelease(ask, secret, version, app, fact)
  if (!released.ok) return released.error
  const deployed = await recordDeploy(ask, secret, version, {
    name: `${app.name} #${deployment.generation}`,
    environment: findSentryEnvironment(app, deployment),
    dateFinished: fact.at,
  })
  return deployed.ok ? told : deployed.error
}

/** A release of Sentry with its commit, and a deploy of it: what became live, and when. A rollback is another deploy. */
export const createSentryReporter =
  (ports: SentryReleasePorts): Reporter =>
  async (fact, app) => {
    const { deployment } = fact
    if (!isLive(fact) || deployment === null) return told
    const name = app.reports.sentry
    if (name === null) return refused(`${app.name} has no reports.sentry in landfall.yml`)
    const http = limitTo(ports.http, mostMilliseconds, ports.clock)
    const read = await readNamedSecret(ports.readSecret, name)
    if (!read.ok) return read.error
    const secret = parseJson(SentrySecret, read.value.reveal())
    if (secret === null) return refused(`the secret ${name} is not ${expected}`)
    return sendRelease(openSentry(secret, http, ports.clock), secret, app, fact, deployment)
  }
