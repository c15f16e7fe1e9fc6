import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { startDyno, type Dyno, type Fleet, type FleetParts } from './fleet.ts'
import { Release } from './release.ts'

export interface AppParts extends FleetParts {
  readonly now: () => number
}

/** What is kept while the server is away. */
export const AppState = z.object({
  id: z.string(),
  config: z.array(z.tuple([z.string(), z.string()])),
  releases: z.array(Release),
  /** The version. */
  current: z.number(),
})
export type AppState = z.infer<typeof AppState>

type NewRelease = Pick<Release, 'description' | 'images' | 'config' | 'by'>

const toRelease = (given: NewRelease, version: number, at: number): Release => ({
  ...given,
  id: randomUUID(),
  version,
  createdAt: at,
  updatedAt: at,
  status: 'pending',
  course: { kind: 'live' },
  output: given.images['release'] === undefined ? null : '',
})

export const createState = (at: number, by: string): AppState => {
  const first = { description: 'Initial release', images: {}, config: {}, by }
  const release = { ...toRelease(first, 1, at), status: 'succeeded' }
  return { id: randomUUID(), config: [], current: 1, releases: [release] }
}

export const findCurrent = ({ releases, current }: AppState): Release => {
  const found = releases.find(({ version }) => version === current)
  if (found === undefined) throw new Error(`there is no release ${current}`)
  return found
}

export const move = (release: Release, status: string, at: number): void =>
  void Object.assign(release, { status, updatedAt: at })

/** The releases of one app and their release phases; the dynos follow the newest that succeeded. */
export const createHistory = (parts: AppParts, state: AppState, fleet: Fleet) => {
  const { settings, now } = parts
  const { releases } = state
  const phases = new Map<Release, Dyno>()

  // Release phases run beside each other; that the newest release wins, whichever ends last, is a guess.
  const succeed = (release: Release, at: number): void => {
    move(release, 'succeeded', at)
    if (release.version <= state.current) return
    state.current = release.version
    fleet.replace(release, at, settings.hasPreboot && settings.tier === 'standard-1x')
  }
  const begin = (release: Release): void => {
    const { version, course, images } = release
    if (course.kind === 'status') move(release, course.status, now())
    else if (images['release'] === undefined) succeed(release, now())
    else phases.set(release, startDyno(parts, release, `release.${1000 + version}`, now()))
  }
  for (const release of releases) if (release.status === 'pending') begin(release)

  const settle = (): void => {
    const ended = [...phases].flatMap(([release, { running }]) => {
      const { end, output } = running.look()
      release.output = output
      return end === null ? [] : [{ release, ...end }]
    })
    for (const { release, at, code } of ended.toSorted((one, other) => one.at - other.at)) {
      phases.delete(release)
      if (code === 0) succeed(release, at)
      else move(release, 'failed', at)
    }
    fleet.settle(now())
  }
  return {
    settle,
    add: (given: NewRelease): Release => {
      settle()
      const release = toRelease(given, (releases.at(-1)?.version ?? 0) + 1, now())
      release.course = settings.courseOf(release) ?? release.course
      releases.push(release)
      begin(release)
      return release
    },
    /** The dynos of the release phases that have not ended. */
    phases: (): readonly Dyno[] => [...phases.values()],
  }
}
