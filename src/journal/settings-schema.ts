import * as z from 'zod'
import type { App, Ec2Settings, TargetSettings } from '../deployment/app.ts'
import { AppName, InstanceId, TargetKey } from '../kernel/id.ts'
import { keyOfFleet, keyOfHerokuApp, keyOfService } from '../deployment/target-key.ts'

/*
 * Settings are read back as they were frozen, sometimes by a newer Landfall than the one that wrote
 * them: a field that is added to `App` gets a default here.
 */

const words = z.array(z.string())

const requirementSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ci'), ci: z.enum(['github', 'circleci']), workflow: z.string() }),
  z.object({ kind: z.literal('image') }),
])

const selectorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tag'), key: z.string(), value: z.string() }),
  z.object({ kind: z.literal('ids'), ids: z.array(InstanceId) }),
])

const healthSchema = z.object({
  path: z.string(),
  host: z.string().nullable(),
  expect: z.object({ from: z.number(), to: z.number() }),
  intervalSeconds: z.number(),
  times: z.number(),
  timeoutSeconds: z.number(),
})

const runSchema = z.object({
  command: words,
  volumes: words,
  networks: words,
  memory: z.string().nullable(),
  stopTimeoutSeconds: z.number(),
})

const rolloutSchema = z.object({
  batch: z.object({ kind: z.enum(['count', 'percent']), value: z.number() }),
  pauseSeconds: z.number(),
})

/** Not there yet in a history from before targets declared what they are like: filled in by `withKey`. */
const keySchema = TargetKey.optional()

const withKey = <Settings extends { readonly key?: TargetKey | undefined }>(
  settings: Settings,
  toKey: () => TargetKey,
): Settings & { readonly key: TargetKey } => ({
  ...settings,
  key: settings.key ?? toKey(),
})

const singleSchema = z.object({
  key: keySchema,
  instances: z.null().default(null),
  hosts: words.default([]),
  predeploy: words.nullable().default(null),
  rollout: rolloutSchema.default({ batch: { kind: 'count', value: 1 }, pauseSeconds: 0 }),
  drift: z.enum(['repair', 'report']).default('repair'),
  canBeAsked: z.boolean().default(false),
})

const ec2Schema = z.object({
  kind: z.literal('ec2'),
  key: keySchema,
  instances: selectorSchema,
  strategy: z.enum(['blue-green', 'recreate', 'worker']),
  port: z.number().nullable(),
  publish: z.object({ address: z.string().nullable(), port: z.number() }).nullable(),
  hosts: words,
  replaces: z.string().nullable(),
  predeploy: words.nullable(),
  run: runSchema,
  holdSeconds: z.number(),
  health: healthSchema,
  rollout: rolloutSchema,
  keep: z.number(),
  drift: z.enum(['repair', 'report']),
  canBeAsked: z.boolean().default(true),
  isSupported: z.boolean().default(true),
}) satisfies z.ZodType<Omit<Ec2Settings, 'key'>>

const renderSchema = singleSchema.extend({
  kind: z.literal('render'),
  service: z.string(),
  token: z.string(),
  env: z.enum(['sync', 'leave']),
  isSupported: z.boolean().default(true),
})

const herokuSchema = singleSchema.extend({
  kind: z.literal('heroku'),
  app: z.string(),
  process: z.string(),
  token: z.string(),
  isSupported: z.boolean().default(false),
})

const targetSchema: z.ZodType<TargetSettings> = z.discriminatedUnion('kind', [
  ec2Schema.transform((one) => withKey(one, () => keyOfFleet(one.instances))),
  renderSchema.transform((one) => withKey(one, () => keyOfService(one.service))),
  herokuSchema.transform((one) => withKey(one, () => keyOfHerokuApp(one.app))),
])

export const appSchema: z.ZodType<App> = z.object({
  name: AppName,
  repository: z.string().nullable(),
  branch: z.string(),
  image: z.string(),
  tag: z.string(),
  environment: z.string(),
  requires: z.array(requirementSchema),
  waitForSeconds: z.number(),
  deadlineSeconds: z.number(),
  env: z.record(z.string(), z.string()),
  secrets: z.string().nullable(),
  registry: z.string().nullable(),
  targets: z.array(targetSchema),
  rollback: z
    .object({
      alarms: words,
      windowSeconds: z.number(),
      secrets: z.enum(['recorded', 'current']),
    })
    .nullable(),
  reports: z.object({
    github: z.string().nullable(),
    notice: z.string().nullable(),
    sentry: z.string().nullable(),
  }),
})
