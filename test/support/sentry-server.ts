import * as z from 'zod'
import {
  startVendor,
  Violation,
  type Answer,
  type Call,
  type Vendor,
} from '../../local/base/vendor.ts'

// Of getsentry/sentry-api-schema: releases and their deploys.
const Version = z
  .string()
  .max(200)
  .regex(/^[^\n\t/\\]+$/)
  .refine((name) => !['.', '..', ' '].includes(name))
const Commit = z.strictObject({
  id: z.string().max(64),
  repository: z.string().max(255).optional(),
  message: z.string().optional(),
  author_name: z.string().max(128).optional(),
  author_email: z.email().optional(),
  timestamp: z.iso.datetime().optional(),
  patch_set: z.array(z.unknown()).optional(),
})
const Changes = z.strictObject({
  ref: z.string().max(250).optional(),
  url: z.url().optional(),
  dateReleased: z.iso.datetime().optional(),
  commits: z.array(Commit).optional(),
  refs: z.array(z.unknown()).optional(),
})
const NewRelease = Changes.extend({ version: Version, projects: z.array(z.string()).min(1) })
const NewDeploy = z.strictObject({
  environment: z.string().max(64),
  name: z.string().max(64).optional(),
  url: z.url().optional(),
  dateStarted: z.iso.datetime().optional(),
  dateFinished: z.iso.datetime().optional(),
  projects: z.array(z.string()).optional(),
})

type Deploy = z.infer<typeof NewDeploy> & { readonly id: string }
interface Stored extends z.infer<typeof NewRelease> {
  readonly deploys: Deploy[]
}

export interface SentryServer extends Vendor {
  readonly releases: Map<string, Stored>
}

const unauthorized: Answer = { status: 401, body: { detail: 'Invalid token' } }
const notFound: Answer = { status: 404, body: { detail: 'The requested resource does not exist' } }

export interface SentryServerOptions {
  readonly token: string
  readonly organization: string
  readonly projects: readonly string[]
}

/** The part of Sentry's API that records releases and deploys, for one organization. */
export const startSentry = async ({
  token,
  organization,
  projects,
}: SentryServerOptions): Promise<SentryServer> => {
  const releases = new Map<string, Stored>()
  let lastId = 0

  const describe = ({ deploys, dateReleased, ...release }: Stored) => ({
    ...release,
    dateReleased: dateReleased ?? null,
    deployCount: deploys.length,
  })

  const createRelease = (given: unknown): Answer => {
    const body = NewRelease.parse(given)
    if (body.projects.some((one) => !projects.includes(one)))
      return { status: 400, body: { projects: ['Invalid project slugs'] } }
    const known = releases.get(body.version)
    const stored = { ...body, ...known, deploys: known?.deploys ?? [] }
    releases.set(body.version, stored)
    return { status: known === undefined ? 201 : 208, body: describe(stored) }
  }

  const handleDeploys = (call: Call, release: Stored): Answer => {
    if (call.method === 'GET') return { status: 200, body: release.deploys.toReversed() }
    if (call.method !== 'POST') return { status: 405 }
    const deploy = { ...NewDeploy.parse(call.body), id: String((lastId += 1)) }
    release.deploys.push(deploy)
    return { status: 201, body: deploy }
  }

  const handle = (call: Call): Answer => {
    if (call.headers.authorization !== `Bearer ${token}`) return unauthorized
    const prefix = `/api/0/organizations/${organization}/releases/`
    if (!call.path.startsWith(prefix)) return notFound
    // Without it Sentry answers with a redirect, which is lost on a POST.
    if (!call.path.endsWith('/')) throw new Violation('a path without a slash at its end')
    const [version = '', what] = call.path.slice(prefix.length).split('/')
    if (version === '') return call.method === 'POST' ? createRelease(call.body) : { status: 405 }
    const release = releases.get(version)
    if (release === undefined) return notFound
    if (what === 'deploys') return handleDeploys(call, release)
    if (call.method !== 'PUT') return { status: 405 }
    const changed = { ...release, ...Changes.parse(call.body) }
    releases.set(version, changed)
    return { status: 200, body: describe(changed) }
  }

  return Object.assign(await startVendor(handle), { releases })
}
