import { createFleet, type Dyno } from './fleet.ts'
import {
  createHistory,
  createState,
  findCurrent,
  move,
  type AppParts,
  type AppState,
} from './history.ts'
import { isEligible, type Images, type Release } from './release.ts'
import type { ConfigChanges } from './schema.ts'
import type { HerokuAppSettings } from './settings.ts'

/** Null removes a process type. */
type ImageChanges = Readonly<Record<string, string | null>>

const withImage = (entries: readonly (readonly [string, string | null])[]): Images =>
  Object.fromEntries(entries.flatMap(([type, image]) => (image === null ? [] : [[type, image]])))

/** What answers the users of an app. */
export interface Serving {
  readonly version: number
  readonly image: string
  readonly env: Readonly<Record<string, string>>
}

export interface HerokuApp {
  readonly id: string
  readonly settings: HerokuAppSettings
  /** Where users find it: `http://127.0.0.1:4000/`. */
  readonly webUrl: string
  /** Set on the app itself; a change here, unlike `setConfig`, makes no release. */
  readonly configVars: Map<string, string>
  /** How often its dynos were replaced: by a release or on request, not after a crash. */
  readonly restarts: number
  /** In the order they were made. */
  releases(): readonly Release[]
  current(): Release
  /**
   * Releases images beside those of the other types; null where they are what was released last, which
   * Heroku takes no notice of, also where that release failed.
   */
  release(changes: ImageChanges, by?: string): Release | null
  /** Null where nothing changes. */
  setConfig(changes: ConfigChanges, by?: string): Release | null
  /** Brings back code and config vars; null where the release is not eligible. */
  rollBack(to: Release, by?: string): Release | null
  /** Heroku destroys what an old release ran. */
  expire(version: number): void
  restart(): void
  /** Those of release phases, too. */
  dynos(): readonly Dyno[]
  /** Ends a dyno; false where none has this name. */
  stop(name: string): boolean
  serving(): Serving | null
  /** The dyno that answers users. */
  answering(): Dyno | null
  state(): AppState
  /** Ends its processes. */
  close(): void
}

const someone = 'someone@example.com'

/** `Set A, B config vars`; what Heroku writes where some are set and some removed at once is a guess. */
const describeChanges = (changes: readonly (readonly [string, string | null])[]): string => {
  const keysOf = (isRemoved: boolean): string =>
    changes.flatMap(([key, value]) => ((value === null) === isRemoved ? [key] : [])).join(', ')
  const [set, removed] = [keysOf(false), keysOf(true)]
  if (removed === '') return `Set ${set} config vars`
  return set === '' ? `Remove ${removed} config vars` : `Set ${set}, remove ${removed} config vars`
}

/** What changes an app's code or config vars, each by a release. */
const createChanges = (
  settings: HerokuAppSettings,
  state: AppState,
  history: ReturnType<typeof createHistory>,
  configVars: Map<string, string>,
): Pick<HerokuApp, 'release' | 'setConfig' | 'rollBack'> => {
  const { releases } = state
  const add = (description: string, images: Images, by: string): Release =>
    history.add({ description, images, by, config: Object.fromEntries(configVars) })
  return {
    release: (images, by = someone) => {
      const last = releases.at(-1)?.images ?? {}
      if (Object.entries(images).every(([type, image]) => (last[type] ?? null) === image))
        return null
      history.settle()
      const merged = Object.entries({ ...findCurrent(state).images, ...images })
      return add(settings.describe(withImage(Object.entries(images))), withImage(merged), by)
    },
    setConfig: (changes, by = someone) => {
      const real = Object.entries(changes).filter(
        ([key, value]) => (configVars.get(key) ?? null) !== value,
      )
      if (real.length === 0) return null
      for (const [key, value] of real)
        if (value === null) configVars.delete(key)
        else configVars.set(key, value)
      history.settle()
      return add(describeChanges(real), findCurrent(state).images, by)
    },
    rollBack: (to, by = someone) => {
      if (!isEligible(to)) return null
      configVars.clear()
      for (const [key, value] of Object.entries(to.config)) configVars.set(key, value)
      return add(`Rollback to v${to.version}`, to.images, by)
    },
  }
}

/** One app of Heroku: its config vars, its releases, their release phases and its dynos. */
export const createApp = (
  parts: AppParts,
  webUrl: string,
  kept: AppState | undefined,
): HerokuApp => {
  const { settings, now } = parts
  const state = kept ?? createState(now(), someone)
  const configVars = new Map(state.config)
  const fleet = createFleet(parts, findCurrent(state), now())
  const history = createHistory(parts, state, fleet)
  const settled = <Value>(read: () => Value): Value => {
    history.settle()
    return read()
  }
  const dynos = (): readonly Dyno[] => [...fleet.list(), ...history.phases()]
  return {
    id: state.id,
    settings,
    webUrl,
    configVars,
    get restarts() {
      return settled(fleet.replacements)
    },
    releases: () => settled(() => state.releases),
    current: () => settled(() => findCurrent(state)),
    ...createChanges(settings, state, history, configVars),
    expire: (version) => {
      const release = state.releases.find((one) => one.version === version)
      if (release !== undefined) move(release, 'expired', now())
    },
    restart: () => settled(() => fleet.replace(findCurrent(state), now(), false)),
    dynos: () => settled(dynos),
    stop: (name) =>
      settled(() => {
        const found = dynos().find(({ process }) => process.name === name)
        found?.running.stop(now())
        return found !== undefined
      }),
    serving: () => {
      const dyno = settled(fleet.answering)
      if (dyno === null) return null
      return { version: dyno.release.version, image: dyno.process.image, env: dyno.process.env }
    },
    answering: () => settled(fleet.answering),
    state: () => ({ ...state, config: [...configVars] }),
    close: () => {
      for (const { running } of dynos()) running.stop(now())
      fleet.stop(now())
    },
  }
}
