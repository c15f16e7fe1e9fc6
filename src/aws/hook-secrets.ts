import type { Configuration } from '../deployment/app.ts'
import type { HookSecrets } from '../delivery/verification.ts'
import { secondsBetween, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { SecretFailure } from '../secrets/app-secret.ts'
import type { SourceName, SourceSecrets } from '../sources/source.ts'

type Loaded = Result<SourceSecrets, 'secret_unavailable'>

/** Reads the version of a secret that has the label. */
export type ReadStage = (
  name: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
) => Promise<Result<{ readonly value: Redacted; readonly createdAt: Instant }, SecretFailure>>

const secretKeptSeconds = 5 * 60

/**
 * A signed body, or a Docker Hub URL, lets its reader try secrets offline: a shorter one may be guessed. The
 * sources' pages and the docs propose 64 hex digits.
 */
const minSecretLength = 16

const isLongEnough = (secret: Redacted): boolean => secret.reveal().length >= minSecretLength

/** `create-secret --secret-string file://…` takes the file's last line break along. */
const withoutLineBreak = (secret: Redacted): Redacted =>
  new Redacted(secret.reveal().replace(/\r?\n$/, ''))

/** The current secret and, while it may still be accepted, the previous one. */
const readBoth = async (
  readStage: ReadStage,
  name: string,
  now: Instant,
): Promise<Result<SourceSecrets, SecretFailure>> => {
  const current = await readStage(name, 'AWSCURRENT')
  if (!current.ok) return current
  const { value, createdAt } = current.value
  // `acceptedSecrets` accepts the previous secret for a day, and a cache keeps the current one for a time.
  const isRotating = secondsBetween(createdAt, now) < 24 * 60 * 60 + secretKeptSeconds
  const previous = isRotating ? await readStage(name, 'AWSPREVIOUS') : null
  if (previous?.ok === false && previous.error.reason !== 'secret_missing') return previous
  const before = previous?.ok === true ? withoutLineBreak(previous.value.value) : null
  return succeed({
    current: withoutLineBreak(value),
    previous: before !== null && isLongEnough(before) ? before : null,
    currentCreatedAt: createdAt,
  })
}

/** Keeps a secret, and a failure for a shorter time; concurrent callers share one read. */
const createCache = (readNow: () => Promise<Loaded>, clock: Clock) => {
  let kept: { readonly loaded: Loaded; readonly at: Instant } | null = null
  let failed: { readonly loaded: Loaded; readonly at: Instant } | null = null
  let triedAt: Instant | null = null
  let reading: Promise<Loaded> | null = null
  const readAndKeep = async (at: Instant): Promise<Loaded> => {
    try {
      const loaded = await readNow()
      if (loaded.ok) kept = { loaded, at }
      // The time counts from the end: waiting for an answer takes seconds.
      else failed = { loaded, at: toInstant(clock()) }
      return loaded
    } finally {
      reading = null
    }
  }
  const isWithin = (at: Instant | null, seconds: number): boolean =>
    at !== null && secondsBetween(at, toInstant(clock())) < seconds
  const read = async (): Promise<Loaded> => {
    // Any request causes a read: a secret that cannot be read is not read for each of them.
    if (failed !== null && isWithin(failed.at, 10)) return failed.loaded
    triedAt = toInstant(clock())
    reading ??= readAndKeep(triedAt)
    return reading
  }
  return {
    load: async () =>
      kept !== null && isWithin(kept.at, secretKeptSeconds) ? kept.loaded : read(),
    // A failed try counts too: a flood of bad signatures is no flood of reads.
    refresh: async () => (kept !== null && isWithin(triedAt, 60) ? kept.loaded : read()),
  }
}

/**
 * One cache for each source; a source without configuration has no secret. A configured secret that
 * cannot be read or is too short is an error in the log, once for each read: no stranger can cause it.
 */
export const createHookSecretCaches = (
  sources: Configuration['sources'],
  readStage: ReadStage,
  clock: Clock,
  log: Log,
): HookSecrets => {
  const toCache = (source: SourceName) => {
    const name = sources[source]?.secret
    if (name === undefined) {
      const load = async (): Promise<Loaded> => fail('secret_unavailable')
      return { load, refresh: load }
    }
    return createCache(async () => {
      const read = await readBoth(readStage, name, toInstant(clock()))
      if (read.ok && isLongEnough(read.value.current)) return read
      const what = read.ok ? 'webhook secret refused' : 'failed to read webhook secret'
      const why = read.ok ? `shorter than ${minSecretLength} characters` : read.error.message
      log.error(what, { source, secret: name, why })
      return fail('secret_unavailable')
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
