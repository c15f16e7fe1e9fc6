import * as z from 'zod'
import { Health } from './health.ts'
import { BranchName, ImageName, RepositoryName } from './names.ts'
import { Predeploy, Replaces, Run, program } from './run-schema.ts'
import { HostName, Publish, Trusted } from './address.ts'
import {
  BatchInput,
  KeyArn,
  RealmAddress,
  SecretName,
  TagTemplate,
  duration,
  textLike,
  wholeNumber,
} from './values.ts'

const sourceSecret = z
  .strictObject({ secret: SecretName })
  .describe('The secret that verifies its webhooks.')

const Sources = z
  .strictObject({
    github: sourceSecret.optional(),
    circleci: sourceSecret.optional(),
    'docker-hub': sourceSecret.optional(),
  })
  .describe('The systems that send webhooks.')

const RequirementInput = z
  .union(
    [
      z.strictObject({
        ci: z.enum(['github', 'circleci'], { error: 'github or circleci' }),
        workflow: textLike('the name of a workflow', /^.{1,200}$/).describe(
          'Name of the workflow that must be green for the commit.',
        ),
      }),
      z.literal('image', { error: 'image, or { ci: github, workflow: CI }' }),
    ],
    { error: 'image, or { ci: github, workflow: CI }' },
  )
  .describe('A requirement for deploying a commit.')

const Instances = z
  .strictObject({
    tag: textLike(
      'a tag written as "Key=value", such as "Name=lettings"',
      /^[^=\s][^=]{0,127}=.{1,256}$/,
    )
      .optional()
      .describe('All running instances with this tag.'),
    ids: z
      .array(textLike('the id of an instance, such as i-0123456789abcdef0', /^m?i-[0-9a-f]{8,17}$/))
      .min(1, { error: 'a list of at least one id' })
      .optional(),
  })
  .describe('The instances: a tag, or their ids.')

const Ec2File = z.strictObject({
  instances: Instances,
  strategy: z
    .enum(['blue-green', 'recreate', 'worker'], { error: 'blue-green, recreate or worker' })
    .optional()
    .describe('blue-green is the default, but volumes require a choice.'),
  port: wholeNumber(1, 65535).optional().describe("The container's port."),
  publish: Publish.optional().describe('Where the proxy listens on the instance.'),
  hosts: z.array(HostName).default([]).describe('Which Host headers are for this app; none: all.'),
  trusted: Trusted.optional().describe(
    'The addresses of the CDN or proxy in front, whose X-Forwarded-* headers reach the app. Left out: private addresses, and all of a loopback publish.',
  ),
  replaces: Replaces.optional().describe('A container started by hand that the app replaces.'),
  predeploy: Predeploy.optional().describe(
    'Run once per deployment in the new image before it starts.',
  ),
  run: Run.prefault({}),
  hold: duration(0, 600)
    .optional()
    .describe('How long the proxy holds requests while no container serves.'),
  drain: duration(1, 600)
    .optional()
    .describe(
      'How long a recreate lets every other request wait for those that the old container still answers, such as a WebSocket; then they are cut. 5s where it is left out.',
    ),
  health: Health.prefault({}),
  rollout: z
    .strictObject({
      batch: BatchInput.prefault(1),
      pause: duration(0, 3600).prefault('0s').describe('Between two batches.'),
    })
    .prefault({}),
  keep: wholeNumber(2, 50).default(5).describe('How many releases stay on the instance.'),
  drift: z.enum(['repair', 'report'], { error: 'repair or report' }).default('repair'),
  metadata: z
    .enum(['block', 'allow'], { error: 'block or allow' })
    .optional()
    .describe(
      "Whether the containers may ask the instance's metadata service, which hands out its role. Left out: a new app may not, an app that was live before this setting existed may.",
    ),
})

const Render = z.strictObject({
  service: textLike('the id of a Render service, such as srv-abc123', /^srv-[a-z0-9]{1,60}$/),
  token: SecretName.describe('The secret that holds an API key of Render.'),
  env: z.enum(['sync', 'leave'], { error: 'sync or leave' }).default('sync'),
})

const Heroku = z.strictObject({
  app: textLike('the name of a Heroku app', /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/),
  process: textLike('a process type, such as web', /^[a-zA-Z0-9_-]{1,63}$/).default('web'),
  token: SecretName.describe('The secret that holds an API key of Heroku.'),
  release: program
    .optional()
    .describe('The command of the release phase, run in the new image before it serves.'),
  env: z.enum(['sync', 'leave'], { error: 'sync or leave' }).default('sync'),
  health: Health.omit({ host: true, scheme: true, interval: true }).prefault({}),
})

const TargetFile = z
  .strictObject({ ec2: Ec2File.optional(), render: Render.optional(), heroku: Heroku.optional() })
  .describe('One of ec2, render and heroku.')

/** Part of an ARN in the stack's template, where `${` begins a variable. */
const alarmName = textLike(
  "a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without ${",
  /^(?!arn:)(?!.*\$\{)[^\p{Cc}]{1,255}$/u,
)

const registryError = 'the name of a secret, or { secret: …, realm: https://… }'

const AppFile = z.strictObject({
  repository: RepositoryName.optional().describe('owner/name on GitHub.'),
  repositoryId: wholeNumber(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe(
      "GitHub's id of the repository. Left out: that of the first delivery; deliveries of another one are refused.",
    ),
  branch: BranchName.default('main'),
  image: ImageName,
  tag: TagTemplate.default('{commit}'),
  environment: textLike('the name of an environment', /^[^\s/\p{Cc}][^/\p{Cc}]{0,63}$/u).default(
    'production',
  ),
  deploy: z
    .enum(['automatic', 'manual'], { error: 'automatic or manual' })
    .default('automatic')
    .describe('manual: a commit that has all that it requires waits for redeploy.'),
  requires: z
    .array(RequirementInput, { error: 'a list, such as [{ ci: github, workflow: CI }, image]' })
    .min(1, { error: 'a list of at least one, such as [{ ci: github, workflow: CI }, image]' }),
  waitFor: duration(60, 604_800)
    .prefault('1h')
    .describe('How long a commit waits for the requirements.'),
  deadline: duration(180, 21_600).prefault('15m').describe('How long a deployment may take.'),
  env: z
    .record(z.string(), z.string({ error: 'text; put it in quotes' }), {
      error: 'a mapping of names to texts',
    })
    .default({})
    .describe('Values that are not secret. The secret overrides them.'),
  secrets: SecretName.optional().describe('A secret that holds a JSON object of strings.'),
  registry: z
    .union(
      [
        SecretName,
        z
          .strictObject({ secret: SecretName.optional(), realm: RealmAddress.optional() })
          .refine(
            ({ secret, realm }) => secret !== undefined || realm !== undefined,
            registryError,
          ),
      ],
      { error: registryError },
    )
    .optional()
    .describe(
      'A secret {"username", "password"} for a private image; realm: the token service of a registry whose is elsewhere.',
    ),
  targets: z
    .array(TargetFile, { error: 'a list of targets' })
    .min(1, { error: 'a list of at least one target' }),
  rollback: z
    .strictObject({
      // The record of a deployment lists the alarms that fire at its opening, and is limited.
      alarms: z.array(alarmName).min(1, { error: 'a list of at least one alarm' }).max(10, {
        error: 'a list of at most 10 alarms; a composite alarm of CloudWatch can combine more',
      }),
      window: duration(60, 86_400).prefault('30m').describe('How long after a deployment.'),
      secrets: z
        .enum(['recorded', 'current'], { error: 'recorded or current' })
        .default('recorded'),
    })
    .optional()
    .describe('Which alarms roll a deployment back.'),
  reports: z
    .strictObject({
      github: SecretName.optional(),
      githubDescription: z
        .enum(['reason', 'message'], { error: 'reason or message' })
        .default('reason')
        .describe('What a status says there; message: also what a failed app said last.'),
      notice: SecretName.optional(),
      sentry: SecretName.optional(),
    })
    .prefault({})
    .describe('Where to report; a name is that of a secret with the token or address.'),
})
export type AppFile = z.output<typeof AppFile>
export type TargetFile = z.output<typeof TargetFile>
export type Ec2File = z.output<typeof Ec2File>

/** `landfall.yml` as written, with the defaults. */
export const LandfallFile = z.strictObject({
  sources: Sources.prefault({}),
  kms: z
    .array(KeyArn, { error: 'a list of ARNs of KMS keys' })
    .default([])
    .describe('Your own KMS keys, where secrets named here are encrypted with one.'),
  apps: z.record(z.string(), AppFile, { error: 'a mapping of app names to apps' }),
})
export type LandfallFile = z.output<typeof LandfallFile>

/** The JSON Schema of `landfall.yml` for editors. */
export const renderJsonSchema = (): string => {
  const schema = z.toJSONSchema(LandfallFile, { io: 'input', target: 'draft-7', reused: 'inline' })
  return `${JSON.stringify({ ...schema, title: 'landfall.yml' }, null, 2)}\n`
}
