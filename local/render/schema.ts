import * as z from 'zod'

// Of Render's published OpenAPI file: the requests that a deployer sends. Whatever is not in it is
// against the rules.

const status = z.enum([
  'created',
  'queued',
  'build_in_progress',
  'update_in_progress',
  'live',
  'deactivated',
  'build_failed',
  'update_failed',
  'canceled',
  'pre_deploy_in_progress',
  'pre_deploy_failed',
])
export type DeployStatus = z.infer<typeof status>

export const Trigger = z.enum([
  'api',
  'blueprint_sync',
  'deploy_hook',
  'deployed_by_render',
  'manual',
  'other',
  'new_commit',
  'rollback',
  'service_resumed',
  'service_updated',
])
export type Trigger = z.infer<typeof Trigger>

export type ServiceType =
  | 'web_service'
  | 'private_service'
  | 'background_worker'
  | 'cron_job'
  | 'static_site'

export const NewDeploy = z
  .strictObject({
    clearCache: z.enum(['clear', 'do_not_clear']).optional(),
    commitId: z.string().optional(),
    imageUrl: z.string().optional(),
    deployMode: z.enum(['deploy_only', 'build_and_deploy']).optional(),
  })
  .refine(
    ({ deployMode, ...build }) => deployMode === undefined || Object.keys(build).length === 0,
    { error: 'deployMode goes with neither commitId nor imageUrl nor clearCache' },
  )

export const NewRollback = z.strictObject({ deployId: z.string() })

export const EnvVarInput = z.union([
  z.strictObject({ value: z.string() }),
  z.strictObject({ generateValue: z.boolean() }),
])

/** Of variables, too. */
export const Page = z.strictObject({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
})
export type Page = z.infer<typeof Page>

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional()

/** Lists take repeated values, which arrive joined by commas. */
export const DeployQuery = Page.extend({
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(status))
    .optional(),
  createdBefore: time,
  createdAfter: time,
  updatedBefore: time,
  updatedAfter: time,
  finishedBefore: time,
  finishedAfter: time,
})
export type DeployQuery = z.infer<typeof DeployQuery>

/** A request that has neither a query nor a body. */
export const Nothing = z.object({
  query: z.strictObject({}),
  body: z.undefined(),
})
