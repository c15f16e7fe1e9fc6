import { randomUUID } from 'node:crypto'
import type { Dynos, Pace, Process, Running } from './dynos.ts'
import type { Release } from './release.ts'
import type { HerokuAppSettings } from './settings.ts'

export interface Dyno {
  readonly id: string
  readonly release: Release
  process: Process
  running: Running
  state: 'starting' | 'up' | 'crashed'
  updatedAt: number
}

export interface FleetParts {
  readonly settings: HerokuAppSettings
  readonly dynos: Dynos
  readonly pace: Pace
}

/** Only a web dyno has a port to wait for. */
const firstState = (type: string): Dyno['state'] => (type === 'web' ? 'starting' : 'up')

/** Starts one dyno of a release: `web.1`, `release.1007`. */
export const startDyno = (
  { settings, dynos }: FleetParts,
  release: Release,
  name: string,
  startedAt: number,
): Dyno => {
  const { version, config: env, course, images } = release
  const [type = ''] = name.split('.')
  const image = images[type] ?? ''
  const process = { app: settings.name, name, type, image, version, env, course, startedAt }
  const running = dynos.start(process)
  const state = firstState(type)
  return { id: randomUUID(), release, process, running, state, updatedAt: startedAt }
}

/** The last of what happened to a dyno until `at`, one change after another. */
const settleDyno = (dyno: Dyno, { dynos, pace }: FleetParts, at: number): void => {
  const move = (state: Dyno['state'], since: number): void =>
    void Object.assign(dyno, { state, updatedAt: since })
  for (;;) {
    const { upAt, end } = dyno.running.look()
    const isOver = end !== null && end.at <= at
    const { startedAt, type } = dyno.process
    const giveUpAt = startedAt + pace.bind * 1000
    const againAt = dyno.updatedAt + pace.coolOff * 1000
    if (dyno.state === 'crashed') {
      if (againAt > at) return
      dyno.process = { ...dyno.process, startedAt: againAt }
      dyno.running = dynos.start(dyno.process)
      move(firstState(type), againAt)
    } else if (isOver) {
      move('crashed', end.at)
    } else if (dyno.state === 'up') {
      return
    } else if (upAt !== null && upAt <= at) {
      move('up', upAt)
    } else if (giveUpAt <= at) {
      dyno.running.stop(giveUpAt)
      move('crashed', giveUpAt)
    } else return
  }
}

/** The dynos of one app: of the release that answers users, and of one that will in a moment. */
export const createFleet = (parts: FleetParts, first: Release, since: number) => {
  const { settings, pace } = parts
  const startAll = (release: Release, at: number): readonly Dyno[] =>
    Object.keys(release.images)
      .filter((type) => type !== 'release')
      .flatMap((type) =>
        Array.from({ length: settings.quantities[type] ?? 0 }, (_, index) =>
          startDyno(parts, release, `${type}.${index + 1}`, at),
        ),
      )
  let serving = startAll(first, since)
  let next: { readonly dynos: readonly Dyno[]; readonly at: number } | null = null
  let replacements = 0

  const stopAll = (some: readonly Dyno[], at: number): void => {
    for (const { running } of some) running.stop(at)
  }
  const settle = (at: number): void => {
    if (next !== null && next.at <= at) {
      stopAll(serving, next.at)
      serving = next.dynos
      next = null
    }
    for (const dyno of [...serving, ...(next?.dynos ?? [])]) settleDyno(dyno, parts, at)
  }
  return {
    settle,
    /** Starts the release's dynos in the place of all others, or first beside them. */
    replace: (release: Release, at: number, isBeside: boolean): void => {
      settle(at)
      replacements += 1
      stopAll(next?.dynos ?? [], at)
      next = null
      if (!isBeside) stopAll(serving, at)
      const started = startAll(release, at)
      if (isBeside) next = { dynos: started, at: at + pace.switchover * 1000 }
      else serving = started
    },
    replacements: (): number => replacements,
    /** The new ones; of the old ones that still answer users Heroku says nothing. */
    list: (): readonly Dyno[] => next?.dynos ?? serving,
    answering: (): Dyno | null =>
      serving.find(({ process, state }) => process.type === 'web' && state === 'up') ?? null,
    stop: (at: number): void => stopAll([...serving, ...(next?.dynos ?? [])], at),
  }
}
export type Fleet = ReturnType<typeof createFleet>
