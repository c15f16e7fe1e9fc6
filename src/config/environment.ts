import * as z from 'zod'

const text = z.string().min(1)

const Base = z.object({
  /** `prod`, `local`. */
  STAGE: text,
  /** `https://key@o1.ingest.sentry.io/2`; empty: nothing is told to Sentry. */
  SENTRY_DSN: z.string().default(''),
})

const Journalled = Base.extend({ TABLE_NAME: text })

const Nudging = Journalled.extend({
  /** Name of the function that is invoked, asynchronously, to have an app looked at. */
  RECONCILE_FUNCTION: text,
})

/**
 * What each function finds in its environment. `serverless.yml` is held against this list by
 * `test/repository/package.test.ts`.
 */
export const environments = {
  webhook: Nudging,
  reconcile: Journalled.extend({
    /** `<account>/<region>/<stage>`: which stack may change an app on an instance. */
    OWNER: text,
    PREPARE_DOCUMENT: text,
    DEPLOY_DOCUMENT: text,
    /** The image of the proxy on the instances. */
    PROXY_IMAGE: text,
    /** Of the containers' network on the instances, a /24. */
    SUBNET: text,
    /** Where deployments are told and lost webhooks looked up: `https://api.github.com`. */
    GITHUB_API: z.url().transform((address) => new URL(address)),
    /** Where Render's API answers, without a slash at its end. */
    RENDER_API: z.url(),
  }),
  alarm: Nudging,
  redeploy: Nudging,
  rollback: Nudging,
  cancel: Nudging,
  freeze: Nudging,
  unfreeze: Nudging,
  status: Journalled,
  plan: Journalled.extend({
    /** `<account>/<region>/<stage>`, as reconcile has it. */
    OWNER: text,
    PLAN_DOCUMENT: text,
    PROXY_IMAGE: text,
    SUBNET: text,
    RENDER_API: z.url(),
  }),
  carry: Journalled.extend({
    /** The registry that images are carried to: `https://registry.heroku.com`. */
    HEROKU_REGISTRY: z.url().transform((address) => new URL(address)),
  }),
  hooks: Base.extend({
    /** Where the HTTP API answers, without a slash at its end. */
    API_URL: text,
  }),
} as const

export type FunctionName = keyof typeof environments

/**
 * The checked environment of one function.
 *
 * @throws ZodError naming the variable that is missing
 */
export const readEnvironment = <Schema extends z.ZodType>(schema: Schema): z.output<Schema> =>
  schema.parse(process.env)

/** The file that holds the configuration, as a path from the working directory. */
export const configurationFile = (): string => process.env['LANDFALL_CONFIG'] ?? 'landfall.yml'

/** Where troubles are told; read apart from the rest, so that a broken environment is told too. */
export const sentryDsn = (): string => process.env['SENTRY_DSN'] ?? ''

export const stageName = (): string => process.env['STAGE'] ?? 'unknown'
