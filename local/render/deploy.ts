import type { DeployStatus, Trigger } from './schema.ts'

/**
 * What becomes of a deploy. `sha`: what its reference is resolved to, where that differs from the
 * digest in it. `stays`: it comes to this status and never out of it, also one that nobody knows.
 */
export type Course =
  | { readonly kind: 'live'; readonly sha?: string }
  | { readonly kind: 'build_failed' }
  | { readonly kind: 'pre_deploy_failed' }
  /** Its health check is never well: Render gives up after 15 minutes. */
  | { readonly kind: 'update_failed' }
  /** Somebody cancels it while it is being rolled out. */
  | { readonly kind: 'canceled' }
  | { readonly kind: 'stays'; readonly status: string }

export interface Deploy {
  readonly id: string
  /** As it was asked for, written out; null for a deploy from a repository. */
  readonly ref: string | null
  readonly trigger: Trigger
  readonly createdAt: number
  status: string
  updatedAt: number
  /** While it waits for another to end, all of what follows is null. */
  startedAt: number | null
  finishedAt: number | null
  sha: string | null
  credential: string | null
  /** The service's variables as they were when it started. */
  env: Readonly<Record<string, string>> | null
  course: Course | null
  /** How many of its course's phases are over. */
  phases: number
  /** The deploy that it brings back, for a rollback. */
  readonly source: Deploy | null
}

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
