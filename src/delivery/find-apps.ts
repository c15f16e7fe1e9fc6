import type { App } from '../deployment/app.ts'
import {
  identifyRepository,
  knownOf,
  type KnownRepository,
  type SentRepository,
} from '../deployment/repository.ts'
import { secondsBetween, type Instant } from '../kernel/clock.ts'
import { isSameName, type AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Parsed } from '../sources/source.ts'

/** What people are to know of a repository. */
type ToldRepository = Partial<Pick<KnownRepository, 'renamed' | 'refused'>>

/** What is kept of each app's repository. Rejects with `Retryable` where the journal cannot be reached. */
export interface RepositoryRecords {
  readonly load: (app: AppName) => Promise<KnownRepository | null>
  /**
   * Keeps the first id for the name of landfall.yml, or the one that landfall.yml states; false where another id was kept
   * first.
   */
  readonly keep: (
    app: AppName,
    kept: Pick<KnownRepository, 'id' | 'name' | 'keptAt'>,
    isStated: boolean,
  ) => Promise<boolean>
  /** As long as this id is the kept one. */
  readonly note: (app: AppName, id: number, told: ToldRepository) => Promise<void>
}

type Identified = SentRepository & { readonly repositoryId: number }

/** The apps whose repository, or whose image, a verified delivery is of. */
export type FindApps = (parsed: Parsed, receivedAt: Instant) => Promise<readonly App[]>

const logTold = (log: Log, app: App, id: number, { renamed, refused }: ToldRepository): void => {
  const fields = { app: app.name, repository: app.repository, id }
  if (refused) log.warn('delivery of another repository refused', { ...fields, refused })
  if (renamed) log.warn('repository renamed at GitHub', { ...fields, renamed: renamed.name })
}

interface Remembered {
  readonly known: KnownRepository | null
  readonly at: Instant
}

/**
 * An id that is kept stays as long as landfall.yml is the same, so the memory of a function may hold it. That there is none
 * it holds for a minute: an organization's hook tells of repositories that no app has to do with.
 */
const createMemory = (records: RepositoryRecords, log: Log) => {
  const remembered = new Map<AppName, Remembered>()

  const read = async ({ name }: App, at: Instant): Promise<KnownRepository | null> => {
    const known = await records.load(name)
    remembered.set(name, { known, at })
    return known
  }

  const load = async (app: App, at: Instant): Promise<KnownRepository | null> => {
    const last = remembered.get(app.name)
    const isFresh = last !== undefined && (last.known !== null || secondsBetween(last.at, at) < 60)
    return isFresh ? last.known : read(app, at)
  }

  const keep = async (app: App, id: number, at: Instant): Promise<KnownRepository | null> => {
    const kept = { id, name: `${app.repository}`, keptAt: at }
    // Another delivery was the first.
    if (!(await records.keep(app.name, kept, app.repositoryId !== null))) return read(app, at)
    log.info('repository id kept', { app: app.name, repository: app.repository, id })
    const known = { ...kept, renamed: null, refused: null }
    remembered.set(app.name, { known, at })
    return known
  }

  const tell = async (
    app: App,
    known: KnownRepository,
    told: ToldRepository,
    at: Instant,
  ): Promise<void> => {
    await records.note(app.name, known.id, told)
    remembered.set(app.name, { known: { ...known, ...told }, at })
    logTold(log, app, known.id, told)
  }

  return { read, load, keep, tell }
}
type RepositoryMemory = ReturnType<typeof createMemory>

/** Each fact is written once an hour. */
const isRecent = ({ at: toldAt }: { readonly at: Instant }, at: Instant): boolean =>
  secondsBetween(toldAt, at) < 60 * 60

const isOf = async (
  { load, keep, tell }: RepositoryMemory,
  app: App,
  sent: Identified,
  at: Instant,
): Promise<boolean> => {
  const { repository, repositoryId } = sent
  const loaded = knownOf(app, await load(app, at))
  const isUnrelated = identifyRepository(app, sent, loaded) === 'unrelated'
  // An id that landfall.yml states is kept with the first delivery, also one of another repository.
  const first = app.repositoryId ?? repositoryId
  const known = loaded ?? (isUnrelated ? null : knownOf(app, await keep(app, first, at)))
  if (known === null) return false
  const { renamed, refused } = known
  switch (identifyRepository(app, sent, known)) {
    case 'renamed':
      if (renamed?.name !== repository || !isRecent(renamed, at))
        await tell(app, known, { renamed: { name: repository, at } }, at)
      return true
    case 'same':
      if (renamed !== null) await tell(app, known, { renamed: null }, at)
      return true
    case 'other':
      if (refused?.id !== repositoryId || !isRecent(refused, at))
        await tell(app, known, { refused: { id: repositoryId, at } }, at)
      return false
    case 'first':
    case 'unrelated':
      return false
  }
}

/** Goes by the name: CircleCI tells no id. */
const isOfName = async (
  app: App,
  sent: SentRepository,
  load: RepositoryMemory['load'],
  at: Instant,
): Promise<boolean> =>
  identifyRepository(app, sent, null) === 'same' ||
  identifyRepository(app, sent, await load(app, at)) === 'same'

/** A record that cannot be read stops the deliveries with the name of its app's repository, and those of no other app. */
const filterApps = async (
  apps: readonly App[],
  { repository }: SentRepository,
  isOfDelivery: (app: App) => Promise<boolean>,
  log: Log,
): Promise<readonly App[]> => {
  const unread: { readonly app: App; readonly error: unknown }[] = []
  const found = await Promise.all(
    apps.map((app) =>
      isOfDelivery(app).catch((error: unknown) => {
        unread.push({ app, error })
        return false
      }),
    ),
  )
  const isAnyFound = found.includes(true)
  for (const { app, error } of unread) {
    if (!isAnyFound || isSameName(`${app.repository}`, repository)) throw error
    log.error('failed to read repository of app', { app: app.name, error })
  }
  return apps.filter((_, index) => found[index])
}

export const createFindApps = (
  records: RepositoryRecords,
  apps: readonly App[],
  log: Log,
): FindApps => {
  const memory = createMemory(records, log)
  const withCode = apps.filter(({ repository }) => repository !== null)
  return async (parsed, at) => {
    if (parsed.kind === 'image') return apps.filter(({ name }) => name === parsed.app)
    if (parsed.kind !== 'push' && parsed.kind !== 'ci_run') return []
    const { repository, repositoryId } = parsed
    const filter = (isOfDelivery: (app: App) => Promise<boolean>) =>
      filterApps(withCode, parsed, isOfDelivery, log)
    if (repositoryId !== null)
      return filter((app) => isOf(memory, app, { repository, repositoryId }, at))
    const found = await filter((app) => isOfName(app, parsed, memory.load, at))
    // Another run of the function may have noted a new name.
    return found.length > 0 ? found : filter((app) => isOfName(app, parsed, memory.read, at))
  }
}
