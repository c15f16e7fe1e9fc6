import type { Deploy } from './deploy.ts'
import type { Service } from './service.ts'

const toTime = (at: number): string => new Date(at).toISOString()

/** Render leaves out what is not there. */
const only = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== undefined),
  )

const describeImage = ({ ref, sha, credential }: Deploy): unknown =>
  ref === null ? null : only({ ref, sha, registryCredential: credential })

/** The schema's `deploy`. */
export const describeDeploy = (deploy: Deploy): unknown => {
  const { id, status, trigger, createdAt, updatedAt, startedAt, finishedAt } = deploy
  return only({
    id,
    status,
    trigger,
    image: describeImage(deploy),
    createdAt: toTime(createdAt),
    updatedAt: toTime(updatedAt),
    startedAt: startedAt === null ? null : toTime(startedAt),
    finishedAt: finishedAt === null ? null : toTime(finishedAt),
  })
}

const describeDetails = ({ type, imagePath, name }: Service['settings']): unknown => {
  const runtime = imagePath === null ? 'docker' : 'image'
  if (type === 'static_site')
    return { buildCommand: '', publishPath: 'public', url: `https://${name}.onrender.com` }
  return {
    env: runtime,
    runtime,
    envSpecificDetails: { dockerCommand: '', dockerContext: '', dockerfilePath: '' },
    plan: 'starter',
    region: 'frankfurt',
    buildPlan: 'starter',
    ...(type === 'cron_job'
      ? { schedule: '0 0 * * *' }
      : { numInstances: 1, pullRequestPreviewsEnabled: 'no' }),
    ...(type === 'web_service' && {
      healthCheckPath: '/healthz',
      openPorts: [{ port: 10_000, protocol: 'TCP' }],
      url: `https://${name}.onrender.com`,
    }),
  }
}

/** The schema's `service`. */
export const describeService = ({ settings }: Service): unknown => {
  const { id, name, type, imagePath, repo, autoDeploy, isSuspended, registryCredential } = settings
  const since = '2026-01-05T09:00:00.000Z'
  return only({
    id,
    name,
    ownerId: 'tea-000000000000000000g0',
    type,
    slug: name,
    rootDir: '',
    createdAt: since,
    updatedAt: since,
    dashboardUrl: `https://dashboard.render.com/web/${id}`,
    suspended: isSuspended ? 'suspended' : 'not_suspended',
    suspenders: isSuspended ? ['user'] : [],
    autoDeploy,
    notifyOnFail: 'default',
    imagePath,
    registryCredential,
    repo,
    branch: repo === null ? null : 'main',
    serviceDetails: describeDetails(settings),
  })
}
