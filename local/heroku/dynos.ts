import type { ServerResponse, IncomingMessage } from 'node:http'
import type { Course } from './release.ts'

/** One process of a release. */
export interface Process {
  readonly app: string
  /** `web.1`, `release.1007` */
  readonly name: string
  readonly type: string
  /** `sha256:…` */
  readonly image: string
  readonly version: number
  readonly env: Readonly<Record<string, string>>
  readonly course: Course
  readonly startedAt: number
}

/** Times in milliseconds; none is later than now. */
export interface Look {
  /** When it bound its port. */
  readonly upAt: number | null
  readonly end: { readonly at: number; readonly code: number } | null
  readonly output: string
}

export interface Running {
  look(): Look
  /** Answers a user's request. */
  respond(request: IncomingMessage, response: ServerResponse): void
  /** With SIGTERM, and code 143. */
  stop(at: number): void
}

/** What runs the processes of the apps. */
export interface Dynos {
  start(process: Process): Running
}

/** Seconds. */
export interface Pace {
  /** A release phase's whole run. */
  readonly releasePhase: number
  /** From a dyno's start to its port, or to its crash. */
  readonly start: number
  /** After which a web dyno that has bound no port is ended. */
  readonly bind: number
  /** From a crash to the next start. */
  readonly coolOff: number
  /** With preboot: how long the old dynos answer users beside the new ones, in health or not. */
  readonly switchover: number
}

const endOf = ({ type, course }: Process, pace: Pace): { after: number; code: number } | null => {
  if (type !== 'release') return course.kind === 'crashes' ? { after: pace.start, code: 1 } : null
  if (course.kind === 'release_stays') return null
  return { after: pace.releasePhase, code: course.kind === 'release_failed' ? 1 : 0 }
}

/** Processes that take the course of their release by the clock and run nothing. */
export const createSimulatedDynos = (now: () => number, pace: Pace): Dynos => ({
  start: (process) => {
    const { type, course, startedAt, image, name, version } = process
    const end = endOf(process, pace)
    const hasPort = type === 'web' && course.kind !== 'crashes' && course.kind !== 'never_up'
    let stoppedAt: number | null = null
    const isPast = (at: number): boolean => at <= Math.min(now(), stoppedAt ?? Infinity)
    const findEnd = (): Look['end'] => {
      const endsAt = startedAt + (end?.after ?? Infinity) * 1000
      if (end !== null && isPast(endsAt)) return { at: endsAt, code: end.code }
      return stoppedAt === null ? null : { at: stoppedAt, code: 143 }
    }
    return {
      look: () => {
        const upAt = startedAt + pace.start * 1000
        const ended = findEnd()
        const isFailed = course.kind === 'release_failed' && ended !== null
        return {
          upAt: hasPort && isPast(upAt) ? upAt : null,
          end: ended,
          output: isFailed ? course.output : '',
        }
      },
      respond: (_, response) => {
        const status = course.kind === 'sick' ? course.status : 200
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
        response.end(`${image} ${JSON.stringify({ process: name, release: version })}\n`)
      },
      stop: (at) => void (stoppedAt ??= at),
    }
  },
})
