import * as z from 'zod'
import type { ReleaseSettings, TargetSettings } from '../deployment/app.ts'
import { AppName, InstanceId, TargetKey } from '../kernel/id.ts'

/*
 * Settings are read back as they were frozen, sometimes by a newer Landfall than the one that wrote them:
 * from the first release on, a field that is added to `App` gets a default here. They are loose, because an
 * older Landfall that writes a head in the middle of an update has to keep what it does not know.
 */

const words = z.array(z.string())

/** The fields that every target has. */
const targetBase = z.looseObject({
  key: TargetKey,
  hosts: words,
  predeploy: words.nullable(),
  rollout: z.looseObject({
    batch: z.looseObject({ kind: z.enum(['count', 'percent']), value: z.number() }),
    pauseSeconds: z.number(),
  }),
  drift: z.enum(['repair', 'report']),
  replaces: z.string().nullable().default(null),
  metadata: z.enum(['block', 'allow']).nullable().default(null),
  canBeAsked: z.boolean(),
})

/** How the health of an app is judged, whatever asks it. */
const healthSchema = z.looseObject({
  path: z.string(),
  expect: z.looseObject({ from: z.number(), to: z.number() }),
  contains: z.string().nullable().default(null),
  scheme: z.enum(['http', 'https']).nullable().default(null),
  times: z.number(),
  timeoutSeconds: z.number(),
})

const ec2Schema = targetBase.extend({
  kind: z.literal('ec2'),
  instances: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('tag'), key: z.string(), value: z.string() }),
    z.looseObject({ kind: z.literal('ids'), ids: z.array(InstanceId) }),
  ]),
  acceptedLosses: words.default([]),
  // Until this field, predeploy took the place of the ENTRYPOINT.
  predeployEntrypoint: z.boolean().default(false),
  strategy: z.enum(['blue-green', 'recreate', 'worker']),
  port: z.number().nullable(),
  publish: z.looseObject({ address: z.string().nullable(), port: z.number() }).nullable(),
  trusted: words.default([]),
  run: z.looseObject({
    command: words,
    volumes: words,
    networks: words,
    // Settings without these three were frozen when Docker's own defaults held: a release goes back to what it ran with.
    capAdd: words.default(['NET_RAW']),
    newPrivileges: z.boolean().default(true),
    pidsLimit: z.number().default(4_194_304),
    memory: z.string().nullable(),
    user: z.string().nullable().default(null),
    extraHosts: words.default([]),
    shmSize: z.string().nullable().default(null),
    init: z.boolean().default(true),
    stopTimeoutSeconds: z.number(),
  }),
  holdSeconds: z.number(),
  drainSeconds: z.number().nullable().default(null),
  health: healthSchema.extend({ host: z.string().nullable(), intervalSeconds: z.number() }),
  keep: z.number(),
})

const targetSchema: z.ZodType<TargetSettings> = z.discriminatedUnion('kind', [
  ec2Schema,
  targetBase.extend({
    kind: z.literal('render'),
    instances: z.null(),
    service: z.string(),
    token: z.string(),
    env: z.enum(['sync', 'leave']),
  }),
  targetBase.extend({
    kind: z.literal('heroku'),
    instances: z.null(),
    app: z.string(),
    process: z.string(),
    token: z.string(),
    release: words.nullable(),
    env: z.enum(['sync', 'leave']),
    health: healthSchema,
  }),
])

export const settingsSchema: z.ZodType<ReleaseSettings> = z.looseObject({
  name: AppName,
  repository: z.string().nullable(),
  branch: z.string(),
  image: z.string(),
  tag: z.string(),
  environment: z.string(),
  deploy: z.enum(['automatic', 'manual']).default('automatic'),
  requires: z.array(
    z.discriminatedUnion('kind', [
      z.looseObject({
        kind: z.literal('ci'),
        ci: z.enum(['github', 'circleci']),
        workflow: z.string(),
      }),
      z.looseObject({ kind: z.literal('image') }),
    ]),
  ),
  waitForSeconds: z.number(),
  deadlineSeconds: z.number(),
  env: z.record(z.string(), z.string()),
  secrets: z.string().nullable(),
  registry: z.string().nullable(),
  registryRealm: z.url().nullable().default(null),
  targets: z.array(targetSchema),
  rollback: z
    .looseObject({
      alarms: words,
      windowSeconds: z.number(),
      secrets: z.enum(['recorded', 'current']),
    })
    .nullable(),
})
