import type { App } from '../deployment/app.ts'
import {
  identifyRepository,
  knownOf,
  type KnownRepository,
  type SentRepository,
} from '../deployment/repository.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
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

/** The apps whose repository, or whose image, a verified delivery is of. */
export type FindApps = (parsed: Parsed, receivedAt: Instant) => Promise<readonly App[]>

const logTold = (log: Log, app: App, id: number, { renamed, refused }: ToldRepository): void => {
  const fields = { app: app.name, repository: app.repository, id }
  if (refused) log.warn('delivery of another repository refused', { ...fields, refused })
  if (renamed) log.warn('repository renamed at GitHub', { ...fields, renamed: renamed.name })
}

/** An id that is kept stays as long as landfall.yml is the same, so the memory of a function may hold it. */
const createMemory = (records: RepositoryRecords, log: Log) => {
  const remembered = new Map<AppName, KnownRepository>()
  const toldAt = new Map<string, number>()

  const load = async ({ name }: App): Promise<KnownRepository | null> => {
    const known = remembered.get(name) ?? (await records.load(name))
    if (known !== null) remembered.set(name, known)
    return known
  }

  const keep = async (app: App, id: number, at: Instant): Promise<KnownRepository | null> => {
    const kept = { id, name: `${app.repository}`, keptAt: at }
    if (await records.keep(app.name, kept, app.repositoryId === id)) {
      log.info('repository id kept', { app: app.name, repository: app.repository, id })
      remembered.set(app.name, { ...kept, renamed: null, refused: null })
    } else {
      // Another delivery was the first.
      remembered.delete(app.name)
    }
    return load(app)
  }

  /** Writes once an hour per app and fact. */
  const tell = async (
    app: App,
    known: KnownRepository,
    told: ToldRepository,
    at: Instant,
  ): Promise<void> => {
    const key = `${app.name} ${told.renamed?.name} ${told.refused?.id}`
    const now = Date.parse(at)
    if (now - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < 60 * 60 * 1000) return
    await records.note(app.name, known.id, told)
    toldAt.set(key, now)
    remembered.set(app.name, { ...known, ...told })
    logTold(log, app, known.id, told)
  }

  return { load, keep, tell, reload: records.load }
}

const isOf = async (
  { load, keep, tell, reload }: ReturnType<typeof createMemory>,
  app: App,
  sent: SentRepository,
  at: Instant,
): Promise<boolean> => {
  const { repository, repositoryId } = sent
  if (app.repository === null) return false
  if (repositoryId === null)
    return (
      identifyRepository(app, sent, null) === 'same' ||
      // Another run of the function may have noted a new name.
      identifyRepository(app, sent, await reload(app.name)) === 'same'
    )
  const loaded = await load(app)
  const identity = identifyRepository(app, sent, loaded)
  // An id that landfall.yml states is kept with the first delivery, also one of another repository.
  const expected = app.repositoryId ?? (identity === 'first' ? repositoryId : null)
  const isNew = identity !== 'unrelated' && expected !== null
  const isKept = !isNew || knownOf(app, loaded)?.id === expected
  const known = knownOf(app, isKept ? loaded : await keep(app, expected, at))
  if (known === null) return false
  switch (identifyRepository(app, sent, known)) {
    case 'renamed':
      await tell(app, known, { renamed: { name: repository, at } }, at)
      return true
    case 'same':
      if (known.renamed !== null) await tell(app, known, { renamed: null }, at)
      return true
    case 'other':
      await tell(app, known, { refused: { id: repositoryId, at } }, at)
      return false
    case 'first':
    case 'unrelated':
      return false
  }
}

export const createFindApps = (
  records: RepositoryRecords,
  apps: readonly App[],
  log: Log,
): FindApps => {
  const memory = createMemory(records, log)
  return async (parsed, receivedAt) => {
    if (parsed.kind === 'image') return apps.filter(({ name }) => name === parsed.app)
    if (parsed.kind !== 'push' && parsed.kind !== 'ci_run') return []
    const found = await Promise.all(apps.map((app) => isOf(memory, app, parsed, receivedAt)))
    return apps.filter((_, index) => found[index])
  }
}
