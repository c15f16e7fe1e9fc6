import type { App } from '../deployment/app.ts'
import type { HookKind } from '../deployment/seen.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Parsed } from '../sources/source.ts'

/** Records when an app last got an event of this kind. */
export type RecordSeen = (app: AppName, kind: HookKind, at: Instant) => Promise<void>

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

/**
 * A push to any branch or tag of the repository shows that its hook sends such events. Writes once an hour per app and kind; in
 * between it only reads the memory of the function.
 */
export const createNoteSeen = (record: RecordSeen, log: Log): NoteSeen => {
  const noted = new Map<string, number>()
  const note = async (app: AppName, kind: HookKind, at: Instant): Promise<void> => {
    const key = `${app} ${kind}`
    const now = Date.parse(at)
    if (now - (noted.get(key) ?? Number.NEGATIVE_INFINITY) < 60 * 60 * 1000) return
    noted.set(key, now)
    try {
      await record(app, kind, at)
    } catch (error) {
      noted.delete(key)
      log.warn('failed to record webhook activity', { app, kind, error: String(error) })
    }
  }
  return async (parsed, apps, receivedAt) => {
    const kind = kindOf(parsed)
    if (kind === null) return
    await Promise.all(apps.map(({ name }) => note(name, kind, receivedAt)))
  }
}
