import type { App } from '../deployment/app.ts'
import type { HookKind } from '../deployment/seen.ts'
import { isOfWorkflow, mostNameLetters, type SeenWorkflow } from '../deployment/seen-names.ts'
import type { Instant } from '../kernel/clock.ts'
import { isSameName, type AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Parsed } from '../sources/source.ts'

/** Records when an app last got an event of this kind. */
export type RecordSeen = (app: AppName, kind: HookKind, at: Instant) => Promise<void>

/** Records a name for an app as far as there is room, of which half is for names that landfall.yml has. */
export type RecordName = (app: AppName, name: SeenName, isExpected: boolean) => Promise<void>

/** What a name is of, and its parts. */
export type SeenName =
  | (SeenWorkflow & { readonly kind: 'workflow' })
  | { readonly kind: 'branch'; readonly branch: string }

/** Records the kind of a delivery for its apps. Never rejects: no answer depends on it. */
export type NoteSeen = (parsed: Parsed, apps: readonly App[], receivedAt: Instant) => Promise<void>

const kindOf = (parsed: Parsed): HookKind | null => {
  switch (parsed.kind) {
    case 'push':
      return 'github:push'
    case 'ci_run':
      return parsed.ci === 'github' ? 'github:workflow_run' : 'circleci:workflow-completed'
    case 'image':
      return 'docker-hub:push'
    case 'ping':
    case 'other':
      return null
  }
}

const cutName = (text: string): string => text.slice(0, mostNameLetters)

/** What landfall.yml might name in another way. */
const nameOf = (parsed: Parsed, app: App): SeenName | null => {
  if (parsed.kind !== 'push' && parsed.kind !== 'ci_run') return null
  const branch = parsed.kind === 'push' ? parsed.ref.replace(/^refs\/heads\//, '') : parsed.branch
  if (branch !== app.branch)
    return isSameName(branch, app.branch) ? { kind: 'branch', branch: cutName(branch) } : null
  if (parsed.kind !== 'ci_run' || !parsed.isPush) return null
  const { ci, workflow, workflowPath } = parsed
  const path = workflowPath === null ? null : cutName(workflowPath)
  return { kind: 'workflow', ci, workflow: cutName(workflow), workflowPath: path }
}

const isExpected = (app: App, name: SeenName): boolean =>
  name.kind === 'branch' ||
  app.requires.some(
    (one) => one.kind === 'ci' && one.ci === name.ci && isOfWorkflow(name, one.workflow),
  )

/**
 * A push to any branch or tag of the repository shows that its hook sends such events. Writes once an hour per app and kind; in
 * between it only reads the memory of the function.
 */
export const createNoteSeen = (
  { recordSeen, recordName }: { readonly recordSeen: RecordSeen; readonly recordName: RecordName },
  log: Log,
): NoteSeen => {
  const noted = new Map<string, number>()
  const note = async (
    what: string,
    app: AppName,
    at: Instant,
    record: () => Promise<void>,
  ): Promise<void> => {
    const key = `${app} ${what}`
    const now = Date.parse(at)
    if (now - (noted.get(key) ?? Number.NEGATIVE_INFINITY) < 60 * 60 * 1000) return
    noted.set(key, now)
    try {
      await record()
    } catch (error) {
      noted.delete(key)
      log.warn('failed to record webhook activity', { app, what, error: String(error) })
    }
  }
  const noteAll = async (parsed: Parsed, kind: HookKind, app: App, at: Instant): Promise<void> => {
    const name = nameOf(parsed, app)
    await note(kind, app.name, at, () => recordSeen(app.name, kind, at))
    if (name === null) return
    await note(JSON.stringify(name), app.name, at, () =>
      recordName(app.name, name, isExpected(app, name)),
    )
  }
  return async (parsed, apps, receivedAt) => {
    const kind = kindOf(parsed)
    if (kind === null) return
    await Promise.all(apps.map((app) => noteAll(parsed, kind, app, receivedAt)))
  }
}
