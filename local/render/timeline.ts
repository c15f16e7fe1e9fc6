import { isEnded, toPhases, type Course, type Deploy } from './deploy.ts'
import { parseReference } from './image.ts'
import type { ServiceSettings } from './settings.ts'

/** The deploys of one service in the order they were asked for, and what they are made from. */
export interface Timeline {
  readonly settings: ServiceSettings
  /** Set on the service itself; a running release does not see a change. */
  readonly env: Map<string, string>
  readonly deploys: Deploy[]
  readonly now: () => number
}

export const isWaiting = ({ status, startedAt }: Deploy): boolean =>
  startedAt === null && status === 'queued'

export const findRunning = ({ deploys }: Timeline): Deploy | undefined =>
  deploys.find((one) => !isEnded(one) && one.startedAt !== null)

export const findWaiting = ({ deploys }: Timeline): Deploy | undefined => deploys.find(isWaiting)

const chooseCourse = (settings: ServiceSettings, deploy: Deploy): Course => {
  const chosen = settings.courseOf(deploy)
  if (chosen !== null) return chosen
  const isPullable = !settings.isImagePrivate || settings.registryCredential !== null
  return { kind: isPullable ? 'live' : 'build_failed' }
}

const resolve = (settings: ServiceSettings, { ref, course, brings }: Deploy): string | null => {
  if (ref === null || course?.kind === 'build_failed') return null
  if (course?.kind === 'live' && course.sha !== undefined) return course.sha
  const { digest, version } = parseReference(ref)
  return brings?.sha ?? digest ?? settings.tags[version.slice(1)] ?? null
}

export const move = ({ deploys }: Timeline, deploy: Deploy, status: string, at: number): void => {
  const before = deploys.filter((one) => one !== deploy && one.status === 'live')
  Object.assign(deploy, { status, updatedAt: at })
  if (isEnded(deploy)) deploy.finishedAt = at
  if (status !== 'live') return
  for (const one of before) Object.assign(one, { status: 'deactivated', updatedAt: at })
}

export const begin = (timeline: Timeline, deploy: Deploy, at: number): void => {
  const { settings, env } = timeline
  deploy.startedAt = at
  deploy.env = deploy.brings?.env ?? Object.fromEntries(env)
  deploy.credential = settings.registryCredential?.name ?? null
  deploy.course = chooseCourse(settings, deploy)
  deploy.sha = resolve(settings, deploy)
  move(timeline, deploy, 'created', at)
}

const advance = (timeline: Timeline, deploy: Deploy): void => {
  const { course, startedAt } = deploy
  if (course === null || startedAt === null) return
  for (const { status, after } of toPhases(course, timeline.settings.pace).slice(deploy.phases)) {
    const at = startedAt + after * 1000
    if (at > timeline.now()) return
    deploy.phases += 1
    move(timeline, deploy, status, at)
  }
}

/** Brings everything to where it stands now, in the order in which it happened. */
export const settle = (timeline: Timeline): void => {
  for (;;) {
    const running = findRunning(timeline)
    if (running !== undefined) advance(timeline, running)
    if (running !== undefined && !isEnded(running)) return
    const next = findWaiting(timeline)
    if (next === undefined) return
    begin(timeline, next, running?.finishedAt ?? timeline.now())
  }
}
