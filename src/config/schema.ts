import * as z from 'zod'
import {
  BatchInput,
  HostName,
  ImageName,
  Memory,
  Publish,
  SecretName,
  StatusRange,
  TagTemplate,
  duration,
  portNumber,
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

const workflow = textLike('the name of a workflow', /^.{1,200}$/)

const RequirementInput = z
  .union(
    [
      z.strictObject({
        ci: z.enum(['github', 'circleci'], { error: 'github or circleci' }),
        workflow: workflow.describe('Name of the workflow that must be green for the commit.'),
      }),
      z.literal('image', { error: 'image, or { ci: github, workflow: CI }' }),
    ],
    { error: 'image, or { ci: github, workflow: CI }' },
  )
  .describe('Something that must be there before a commit is deployed.')

const argument = z
  .string({ error: 'text; put it in quotes' })
  .refine((text) => !text.includes('\0'), { error: 'text without NUL characters' })
const command = z.array(argument, {
  error: 'a list of words, such as [python, manage.py, migrate]',
})

const containerName = textLike(
  "a container's name, such as lettings",
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/,
)

const volume = textLike(
  'a volume or an absolute path of the instance, and where it appears in the container, such as "data:/data" or "/srv/media:/media:ro"',
  /^(?:[a-zA-Z0-9][a-zA-Z0-9_.-]+|\/[^:\p{Cc}]*):\/[^:\p{Cc}]+(?::(?:ro|rw|z|Z)(?:,(?:ro|rw|z|Z))*)?$/u,
)

const Run = z
  .strictObject({
    command: command.default([]).describe("Instead of the image's own command."),
    volumes: z.array(volume).default([]),
    networks: z.array(containerName).default([]).describe('Further Docker networks to join.'),
    memory: Memory.optional(),
    stopTimeout: duration(1, 600)
      .prefault('30s')
      .describe('How long the old container may take to stop.'),
  })
  .describe('How the container is run.')

const Health = z
  .strictObject({
    path: textLike(
      'a path that begins with / and holds no spaces, no # and nothing but ASCII (é is %C3%A9)',
      /^\/[!"$-~]*$/,
    ).default('/'),
    host: HostName.optional().describe('The Host header; the first of hosts where it is left out.'),
    expect: StatusRange.prefault('200-399'),
    interval: duration(0.1, 60).prefault('1s'),
    times: wholeNumber(1, 20).default(2).describe('How often in a row.'),
    timeout: duration(1, 900).prefault('2m').describe('Until when it must be healthy.'),
  })
  .describe(
    'When the new container is healthy. For a worker, how long it must stay up: interval × times.',
  )

const instanceId = textLike(
  'the id of an instance, such as i-0123456789abcdef0',
  /^m?i-[0-9a-f]{8,17}$/,
)

const Instances = z
  .strictObject({
    tag: textLike(
      'a tag written as "Key=value", such as "Name=lettings"',
      /^[^=\s][^=]{0,127}=.{1,256}$/,
    )
      .optional()
      .describe('All running instances with this tag.'),
    ids: z.array(instanceId).min(1, { error: 'a list of at least one id' }).optional(),
  })
  .describe('The instances: a tag, or their ids.')

const Ec2 = z.strictObject({
  instances: Instances,
  strategy: z
    .enum(['blue-green', 'recreate', 'worker'], { error: 'blue-green, recreate or worker' })
    .optional()
    .describe('blue-green is the default, except with volumes, where it must be chosen.'),
  port: portNumber.optional().describe("The container's port."),
  publish: Publish.optional().describe('Where the proxy listens on the instance.'),
  hosts: z.array(HostName).default([]).describe('Which Host headers are for this app; none: all.'),
  replaces: containerName.optional().describe('A container run by hand until today.'),
  predeploy: command
    .min(1, { error: 'a list of at least one word' })
    .refine(([program]) => program !== '', { error: 'a list that begins with a program' })
    .optional()
    .describe('Run once per deployment in the new image before it starts.'),
  run: Run.prefault({}),
  hold: duration(0, 600)
    .optional()
    .describe('How long the proxy holds requests while no container serves.'),
  health: Health.prefault({}),
  rollout: z
    .strictObject({
      batch: BatchInput.prefault(1),
      pause: duration(0, 3600).prefault('0s').describe('Between two batches.'),
    })
    .prefault({}),
  keep: wholeNumber(2, 50).default(5).describe('How many releases stay on the instance.'),
  drift: z.enum(['repair', 'report'], { error: 'repair or report' }).default('repair'),
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
})

const TargetInput = z
  .strictObject({ ec2: Ec2.optional(), render: Render.optional(), heroku: Heroku.optional() })
  .describe('One of ec2, render and heroku.')

/** It becomes part of an ARN in the stack's template, where `${` would begin a variable. */
const alarmName = textLike(
  "a CloudWatch alarm's name, such as oc-lettings-5xx: not its ARN, and without ${",
  /^(?!arn:)(?!.*\$\{)[^\p{Cc}]{1,255}$/u,
)

const AppFile = z.strictObject({
  repository: textLike('a repository on GitHub, such as acme/oc-lettings', /^[\w.-]+\/[\w.-]+$/)
    .optional()
    .describe('owner/name on GitHub.'),
  branch: textLike('the name of a branch', /^[^\s~^:?*[\\]{1,255}$/).default('main'),
  image: ImageName,
  tag: TagTemplate.default('{commit}'),
  environment: textLike('the name of an environment', /^[^\s/\p{Cc}][^/\p{Cc}]{0,63}$/u).default(
    'production',
  ),
  requires: z
    .array(RequirementInput, { error: 'a list, such as [{ ci: github, workflow: CI }, image]' })
    .min(1, { error: 'a list of at least one, such as [{ ci: github, workflow: CI }, image]' }),
  waitFor: duration(60, 604_800).prefault('1h').describe('For what it requires.'),
  deadline: duration(180, 21_600).prefault('15m').describe('For a deployment.'),
  env: z
    .record(z.string(), z.string({ error: 'text; put it in quotes' }), {
      error: 'a mapping of names to texts',
    })
    .default({})
    .describe('What is no secret. The secret is laid over it.'),
  secrets: SecretName.optional().describe('A secret that holds a JSON object of strings.'),
  registry: SecretName.optional().describe(
    'A secret {"username", "password"} for a private image.',
  ),
  targets: z
    .array(TargetInput, { error: 'a list of targets' })
    .min(1, { error: 'a list of at least one target' }),
  rollback: z
    .strictObject({
      // Those that fire when a deployment is opened are kept with it, and its record is bounded.
      alarms: z.array(alarmName).min(1, { error: 'a list of at least one alarm' }).max(10, {
        error:
          'a list of at most 10 alarms; a composite alarm of CloudWatch stands for as many as you like',
      }),
      window: duration(60, 86_400).prefault('30m').describe('How long after a deployment.'),
      secrets: z
        .enum(['recorded', 'current'], { error: 'recorded or current' })
        .default('recorded'),
    })
    .optional()
    .describe('Which alarms take a deployment back.'),
  reports: z
    .strictObject({
      github: SecretName.optional(),
      notice: SecretName.optional(),
      sentry: SecretName.optional(),
    })
    .prefault({})
    .describe('Who is told; each is the name of a secret with the token or address.'),
})
export type AppFile = z.output<typeof AppFile>
export type TargetFile = z.output<typeof TargetInput>
export type Ec2File = z.output<typeof Ec2>

/** `landfall.yml` as it is written, every default filled in. */
export const LandfallFile = z.strictObject({
  sources: Sources.prefault({}),
  apps: z.record(z.string(), AppFile, { error: 'a mapping of app names to apps' }),
})
export type LandfallFile = z.output<typeof LandfallFile>
