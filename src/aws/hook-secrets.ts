import type { Configuration } from '../deployment/app.ts'
import type { HookSecrets } from '../delivery/verification.ts'
import { secondsBetween, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { SourceName, SourceSecrets } from '../sources/source.ts'

type Loaded = Result<SourceSecrets, 'secret_unavailable'>

/** Reads the version of a secret that bears a label. */
export type ReadStage = (
  name: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
) => Promise<
  Result<
    { readonly value: Redacted; readonly createdAt: Instant },
    'secret_missing' | 'secret_unavailable'
  >
>

const secretKeptSeconds = 5 * 60
/** Anybody can have a secret asked for; one that cannot be read is not read for each of them. */
const failureKeptSeconds = 10
const refreshGapSeconds = 60
/** Longer than `acceptedSecrets` accepts the previous one by what a cache keeps. */
const rotatingSeconds = 24 * 60 * 60 + secretKeptSeconds

/** `create-secret --secret-string file://…` takes the file's last line break along. */
const withoutLineBreak = (secret: Redacted): Redacted =>
  new Redacted(secret.reveal().replace(/\r?\n$/, ''))

/** The current secret and, while it may still be accepted, the one before. */
const readBoth = async (readStage: ReadStage, name: string, now: Instant): Promise<Loaded> => {
  const current = await readStage(name, 'AWSCURRENT')
  if (!current.ok) return fail('secret_unavailable')
  const { value, createdAt } = current.value
  const isRotating = secondsBetween(createdAt, now) < rotatingSeconds
  const previous = isRotating ? await readStage(name, 'AWSPREVIOUS') : null
  if (previous?.ok === false && previous.error === 'secret_unavailable') return fail(previous.error)
  return succeed({
    current: withoutLineBreak(value),
    previous: previous?.ok === true ? withoutLineBreak(previous.value.value) : null,
    currentCreatedAt: createdAt,
  })
}

/** Kept for a time, a failure for a shorter one; read once however many ask meanwhile. */
const createCache = (readNow: () => Promise<Loaded>, clock: Clock) => {
  let kept: { readonly loaded: Loaded; readonly at: Instant } | null = null
  let failed: { readonly loaded: Loaded; readonly at: Instant } | null = null
  let triedAt: Instant | null = null
  let reading: Promise<Loaded> | null = null
  const readAndKeep = async (at: Instant): Promise<Loaded> => {
    try {
      const loaded = await readNow()
      if (loaded.ok) kept = { loaded, at }
      // From its end: waiting for an answer takes seconds.
      else failed = { loaded, at: toInstant(clock()) }
      return loaded
    } finally {
      reading = null
    }
  }
  const isWithin = (at: Instant | null, seconds: number): boolean =>
    at !== null && secondsBetween(at, toInstant(clock())) < seconds
  const read = async (): Promise<Loaded> => {
    if (failed !== null && isWithin(failed.at, failureKeptSeconds)) return failed.loaded
    triedAt = toInstant(clock())
    reading ??= readAndKeep(triedAt)
    return reading
  }
  return {
    load: async () =>
      kept !== null && isWithin(kept.at, secretKeptSeconds) ? kept.loaded : read(),
    // Also a try that failed counts: a flood of bad signatures is no flood of reads.
    refresh: async () =>
      kept !== null && isWithin(triedAt, refreshGapSeconds) ? kept.loaded : read(),
  }
}

const notConfigured: Loaded = fail('secret_unavailable')

/**
 * A cache a source; what is not configured is not readable. A configured one that cannot be read is
 * an error in the log, once a read: somebody has to look, and no stranger can cause it.
 */
export const createHookSecretCaches = (
  sources: Configuration['sources'],
  readStage: ReadStage,
  clock: Clock,
  log: Log,
): HookSecrets => {
  const toCache = (source: SourceName) => {
    const name = sources[source]?.secret
    if (name === undefined)
      return { load: async () => notConfigured, refresh: async () => notConfigured }
    return createCache(async () => {
      const loaded = await readBoth(readStage, name, toInstant(clock()))
      if (!loaded.ok) log.error('the secret of a webhook cannot be read', { source, secret: name })
      return loaded
    }, clock)
  }
  const caches = {
    github: toCache('github'),
    circleci: toCache('circleci'),
    'docker-hub': toCache('docker-hub'),
  }
  return {
    load: (source) => caches[source].load(),
    refresh: (source) => caches[source].refresh(),
  }
}
