import * as z from 'zod'

const text = z.string().min(1)

const Base = z.object({
  /** `prod`, `local`. */
  STAGE: text,
  /** `https://key@o1.ingest.sentry.io/2`; empty: nothing is sent to Sentry. */
  SENTRY_DSN: z.string().default(''),
})

const Journalled = Base.extend({ TABLE_NAME: text })

const Nudging = Journalled.extend({
  /** Name of the function that a nudge invokes. */
  RECONCILE_FUNCTION: text,
})

/** The environment of each function. `test/repository/package.test.ts` compares `serverless.yml` with it. */
export const environments = {
  webhook: Nudging,
  reconcile: Journalled.extend({
    /** `<account>/<region>/<stage>`: which stack may change an app on an instance. */
    OWNER: text,
    PREPARE_DOCUMENT: text,
    DEPLOY_DOCUMENT: text,
    RENEW_DOCUMENT: text,
    /** The image of the proxy on the instances. */
    PROXY_IMAGE: text,
    /** The containers' network on the instances, a /24. */
    SUBNET: text,
    /** For reports and for lost webhooks: `https://api.github.com`. */
    GITHUB_API: z.url().transform((address) => new URL(address)),
    /** The addresses of the APIs of Render and Heroku, without a slash at their end. */
    RENDER_API: z.url(),
    HEROKU_API: z.url(),
    /** Name of the function that brings images to Heroku. */
    CARRY_FUNCTION: text,
    /** The address of the HTTP API, without a slash at its end: reports link to the page. */
    API_URL: text,
  }),
  alarm: Nudging,
  redeploy: Nudging,
  rollback: Nudging,
  cancel: Nudging,
  freeze: Nudging,
  unfreeze: Nudging,
  'renew-proxy': Journalled,
  status: Journalled,
  plan: Journalled.extend({
    /** As for reconcile. */
    OWNER: text,
    PLAN_DOCUMENT: text,
    PROXY_IMAGE: text,
    SUBNET: text,
    RENDER_API: z.url(),
    HEROKU_API: z.url(),
  }),
  carry: Journalled.extend({
    /** The registry that images are carried to: `https://registry.heroku.com`. */
    HEROKU_REGISTRY: z.url().transform((address) => new URL(address)),
  }),
  hooks: Base.extend({
    /** The address of the HTTP API, without a slash at its end. */
    API_URL: text,
  }),
  /** As for hooks. */
  open: Journalled.extend({ API_URL: text }),
  page: Journalled.extend({ API_URL: text }),
} as const

export type FunctionName = keyof typeof environments

/**
 * The checked environment of one function.
 *
 * @throws ZodError naming the variable that is missing
 */
export const readEnvironment = <Schema extends z.ZodType>(schema: Schema): z.output<Schema> =>
  schema.parse(process.env)

/** The path of the configuration from the working directory. */
export const configurationFile = (): string => process.env['LANDFALL_CONFIG'] ?? 'landfall.yml'

/** Read apart from the rest, so that errors in the environment are reported too. */
export const sentryDsn = (): string => process.env['SENTRY_DSN'] ?? ''

export const stageName = (): string => process.env['STAGE'] ?? 'unknown'
