import * as z from 'zod'
import { Capability, Memory, duration, textLike, wholeNumber } from './values.ts'

const command = z.array(
  z
    .string({ error: 'text; put it in quotes' })
    .refine((text) => !text.includes('\0'), { error: 'text without NUL characters' }),
  { error: 'a list of words, such as [python, manage.py, migrate]' },
)

export const containerName = textLike(
  "a container's name, such as lettings",
  /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$/,
)

export const Run = z
  .strictObject({
    command: command.default([]).describe("Instead of the image's own command."),
    volumes: z
      .array(
        textLike(
          'a volume or an absolute path of the instance, and where it appears in the container, such as "data:/data" or "/srv/media:/media:ro"',
          /^(?:[a-zA-Z0-9][a-zA-Z0-9_.-]+|\/[^:\p{Cc}]*):\/[^:\p{Cc}]+(?::(?:ro|rw|z|Z)(?:,(?:ro|rw|z|Z))*)?$/u,
        ),
      )
      .default([]),
    networks: z.array(containerName).default([]).describe('Further Docker networks to join.'),
    capAdd: z
      .array(Capability)
      .default([])
      .describe("Capabilities besides Docker's own, of which NET_RAW is taken away."),
    newPrivileges: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('Whether setuid programs, such as sudo, get their rights in the container.'),
    pidsLimit: wholeNumber(16, 4_194_304)
      .default(1024)
      .describe('How many processes and threads the container may have.'),
    allowHostAccess: z
      .boolean({ error: 'true or false' })
      .default(false)
      .describe('Accepts volumes and capabilities that make the container root on the instance.'),
    memory: Memory.optional(),
    user: textLike(
      'a user, with or without a group, such as app, "1000" or "1000:1000"',
      /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
    )
      .optional()
      .describe("Instead of the image's own user."),
    extraHosts: z
      .array(
        textLike(
          'a name and its address, such as "db:10.0.0.5" or "host.docker.internal:host-gateway"',
          /^[A-Za-z0-9_][A-Za-z0-9_.-]*:(?:[0-9A-Fa-f.:]+|host-gateway)$/,
        ),
      )
      .default([])
      .describe('Names that the container finds in /etc/hosts.'),
    shmSize: Memory.optional().describe('Size of /dev/shm, such as 256m; Docker gives 64m.'),
    init: z
      .boolean({ error: 'true or false' })
      .default(true)
      .describe('false: the image has an init of its own, which must be the first process.'),
    stopTimeout: duration(1, 600)
      .prefault('30s')
      .describe('How long the old container may take to stop.'),
  })
  .describe('How the container is run.')

export const program = command
  .min(1, { error: 'a list of at least one word' })
  .refine(([first]) => first !== '', { error: 'the name of a program', path: [0] })

export const Predeploy = z.union(
  [
    program,
    z.strictObject({
      command: program,
      entrypoint: z
        .boolean({ error: 'true or false' })
        .default(true)
        .describe("Whether the image's ENTRYPOINT runs it, as it runs the app."),
    }),
  ],
  {
    error:
      'a list of words, such as [python, manage.py, migrate], or { command: [python, manage.py, migrate], entrypoint: false }',
  },
)

const Loss = textLike(
  'what the old container has and the new one may lack: volume, port, network, host, user, memory, shm, capability, env or file, or one of them as plan names it, such as "env DEBUG"',
  /^(?:volume|port|network|host|user|memory|shm|capability|env|file)(?: [^\p{Cc}]{1,255})?$/u,
)

export const Replaces = z.union(
  [containerName, z.strictObject({ name: containerName, without: z.array(Loss).default([]) })],
  { error: "a container's name, such as lettings, or { name: lettings, without: [env DEBUG] }" },
)
