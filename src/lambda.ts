import { sentryDsn, stageName } from './config/environment.ts'
import type { FunctionName } from './config/environment.ts'
import { lazy } from './kernel/lazy.ts'
import { createLog } from './kernel/log.ts'
import type { Log, LogFields } from './kernel/log.ts'
import type { Trouble } from './report/trouble.ts'

const tagNames = { app: 'app', generation: 'deployment', reason: 'reason', source: 'source' }

const toErrorTags = (name: FunctionName, fields: LogFields): Trouble['tags'] => {
  const known = Object.entries(tagNames).flatMap(([field, tag]) => {
    const value = fields[field]
    return typeof value === 'string' || typeof value === 'number'
      ? [[tag, `${value}`] as const]
      : []
  })
  return { function: name, ...Object.fromEntries<string>(known) }
}

/** A log that reports its errors too. An `error` among the fields is written as text and reported whole. */
const withReport = (
  log: Log,
  report: (message: string, fields: LogFields) => void,
  attached: LogFields = {},
): Log => ({
  info: (message, fields) => log.info(message, fields),
  warn: (message, fields) => log.warn(message, fields),
  error: (message, fields = {}) => {
    const { error } = fields
    log.error(message, error instanceof Error ? { ...fields, error: String(error) } : fields)
    report(message, { ...attached, ...fields })
  },
  with: (fields) => withReport(log.with(fields), report, { ...attached, ...fields }),
})

/** Loads Sentry only when there is an error to report. */
const reportError = async (troubles: readonly Trouble[], log: Log): Promise<void> => {
  const dsn = sentryDsn()
  if (dsn === '' || troubles.length === 0) return
  try {
    const { createTell } = await import('./report/sentry.ts')
    await createTell(dsn, stageName())(troubles)
  } catch (error) {
    log.warn('failed to report errors to Sentry', { error: String(error) })
  }
}

/**
 * The handler of a function. `services` composes them on the first call and keeps them, but not a failure.
 * Errors that the function logs or throws are reported to Sentry before the run ends; thrown ones are
 * thrown on.
 */
export const lambda = <Services, Event, Answer>(
  name: FunctionName,
  compose: (log: Log) => Services,
  run: (services: () => Services, event: Event) => Promise<Answer>,
): ((event: Event) => Promise<Answer>) => {
  const plain = createLog({ function: name })
  const troubles: Trouble[] = []
  const log = withReport(plain, (message, fields) => {
    const { error } = fields
    troubles.push({ message, error, tags: toErrorTags(name, fields) })
  })
  const services = lazy(() => compose(log))
  return async (event) => {
    try {
      return await run(services, event)
    } catch (error) {
      const isKnown = troubles.some((trouble) => trouble.error === error)
      if (!isKnown)
        troubles.push({ message: `${name} crashed`, error, tags: toErrorTags(name, {}) })
      throw error
    } finally {
      await reportError(troubles.splice(0), plain)
    }
  }
}
