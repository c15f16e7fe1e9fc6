import * as z from 'zod'
import { Trigger, type DeployStatus } from './schema.ts'

/**
 * What becomes of a deploy. `sha`: what its reference is resolved to, where that differs from the
 * digest in it. `update_failed`: its health check is never well, and Render gives up after 15 minutes.
 * `canceled`: a person cancels it while it is rolled out. `stays`: it comes to this status and never
 * out of it; the status may be one that is in no schema.
 */
const Course = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('live'), sha: z.string().optional() }),
  z.object({ kind: z.literal('build_failed') }),
  z.object({ kind: z.literal('pre_deploy_failed') }),
  z.object({ kind: z.literal('update_failed') }),
  z.object({ kind: z.literal('canceled') }),
  z.object({ kind: z.literal('stays'), status: z.string() }),
])
export type Course = Readonly<z.infer<typeof Course>>

const Variables = z.record(z.string(), z.string())

export const Deploy = z.object({
  id: z.string(),
  /** As it was asked for, written out; null for a deploy from a repository. */
  ref: z.string().nullable(),
  trigger: Trigger,
  createdAt: z.number(),
  status: z.string(),
  updatedAt: z.number(),
  /** While it waits for another to end, all of what follows but `brings` is null. */
  startedAt: z.number().nullable(),
  finishedAt: z.number().nullable(),
  sha: z.string().nullable(),
  credential: z.string().nullable(),
  /** The service's variables as they were when it started. */
  env: Variables.nullable(),
  course: Course.nullable(),
  /** How many of its course's phases are over. */
  phases: z.number(),
  /** What a rollback brings back. */
  brings: z.object({ sha: z.string().nullable(), env: Variables.nullable() }).nullable(),
})
export type Deploy = z.infer<typeof Deploy>

/** Seconds from a deploy's start. */
export interface Pace {
  readonly build: number
  readonly update: number
  readonly live: number
  readonly giveUp: number
}

interface Phase {
  readonly status: string
  readonly after: number
}

const ended: readonly DeployStatus[] = [
  'live',
  'deactivated',
  'build_failed',
  'update_failed',
  'pre_deploy_failed',
  'canceled',
]

export const isEnded = ({ status }: Pick<Deploy, 'status'>): boolean =>
  ended.some((one) => one === status)

/** The statuses of a deploy in their order. */
export const toPhases = (course: Course, pace: Pace): readonly Phase[] => {
  const build = { status: 'build_in_progress', after: pace.build }
  const update = { status: 'update_in_progress', after: pace.update }
  switch (course.kind) {
    case 'live':
      return [build, update, { status: 'live', after: pace.live }]
    case 'build_failed':
      return [build, { status: 'build_failed', after: pace.update }]
    case 'pre_deploy_failed':
      return [
        build,
        { status: 'pre_deploy_in_progress', after: pace.update },
        { status: 'pre_deploy_failed', after: pace.live },
      ]
    case 'update_failed':
      return [build, update, { status: 'update_failed', after: pace.update + pace.giveUp }]
    case 'canceled':
      return [build, update, { status: 'canceled', after: pace.live }]
    case 'stays':
      return [{ status: course.status, after: pace.build }]
  }
}
