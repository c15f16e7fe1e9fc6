import * as z from 'zod'
import { Deploy, isEnded } from './deploy.ts'
import { parseReference, renderReference } from './image.ts'
import type { Trigger } from './schema.ts'
import type { ServiceSettings } from './settings.ts'
import {
  begin,
  findRunning,
  findWaiting,
  isWaiting,
  move,
  settle,
  type Timeline,
} from './timeline.ts'

/** What answers the users of a service. */
export interface Serving {
  readonly deployId: string
  /** The image's digest. */
  readonly sha: string | null
  readonly env: Readonly<Record<string, string>>
}

export interface Service {
  readonly settings: ServiceSettings
  /** Set on the service itself; a running release does not see a change. */
  readonly env: Map<string, string>
  /** In the order they were asked for, without those that are not listed yet. */
  deploys(): readonly Deploy[]
  /** `ref` null: what the service runs by default. Null where it waits for another and has no answer. */
  deploy(ref: string | null, trigger: Trigger): Deploy | null
  /** Runs once more what this deploy ran, variables included. */
  rollBack(to: Deploy): Deploy | null
  /** False where it had ended. */
  cancel(deploy: Deploy): boolean
  serving(): Serving | null
  state(): ServiceState
}

interface ServiceParts {
  readonly now: () => number
  readonly newId: () => string
}

/** What is kept while the server is away. */
export const ServiceState = z.object({
  env: z.array(z.tuple([z.string(), z.string()])),
  deploys: z.array(Deploy),
})
type ServiceState = z.infer<typeof ServiceState>

/** The newest takes the place of the one that runs, or of the one that waits. */
const add = (timeline: Timeline, deploy: Deploy): Deploy | null => {
  settle(timeline)
  const at = deploy.createdAt
  const running = findRunning(timeline)
  const mustWait = running !== undefined && timeline.settings.overlap === 'wait'
  const overtaken = mustWait ? findWaiting(timeline) : running
  if (overtaken !== undefined) move(timeline, overtaken, 'canceled', at)
  timeline.deploys.push(deploy)
  if (mustWait) return null
  begin(timeline, deploy, at)
  return deploy
}

const toServing = ({ id, sha, env }: Deploy): Serving => ({ deployId: id, sha, env: env ?? {} })

/** One service of Render: its variables, its deploys and what it serves. */
export const createService = (
  settings: ServiceSettings,
  parts: ServiceParts,
  kept: ServiceState = { env: [], deploys: [] },
): Service => {
  const { now, newId } = parts
  const timeline: Timeline = { settings, env: new Map(kept.env), deploys: kept.deploys, now }

  const toDeploy = (ref: string | null, trigger: Trigger, brings: Deploy | null): Deploy => ({
    id: newId(),
    ref: ref === null ? null : renderReference(parseReference(ref)),
    trigger,
    brings,
    createdAt: now(),
    status: 'queued',
    updatedAt: now(),
    startedAt: null,
    finishedAt: null,
    sha: null,
    credential: null,
    env: null,
    course: null,
    phases: 0,
  })

  const deploys = (): readonly Deploy[] => {
    settle(timeline)
    return timeline.deploys.filter((one) => settings.isWaitingListed || !isWaiting(one))
  }

  return {
    settings,
    env: timeline.env,
    deploys,
    deploy: (ref, trigger) => add(timeline, toDeploy(ref ?? settings.imagePath, trigger, null)),
    rollBack: (to) => add(timeline, toDeploy(to.ref, 'rollback', to)),
    cancel: (deploy) => {
      settle(timeline)
      if (isEnded(deploy)) return false
      move(timeline, deploy, 'canceled', now())
      settle(timeline)
      return true
    },
    serving: () => {
      const live = deploys().find(({ status }) => status === 'live')
      return live === undefined ? null : toServing(live)
    },
    state: () => ({ env: [...timeline.env], deploys: timeline.deploys }),
  }
}
