import type { Instant } from '../kernel/clock.ts'
import { fail, type Result } from '../kernel/result.ts'
import type {
  Delivery,
  Parsed,
  RejectReason,
  Source,
  SourceName,
  SourceSecrets,
} from '../sources/source.ts'

/** The secrets that verify each source. A secret that is not configured or not readable is unavailable. */
export interface HookSecrets {
  /** Read at most 5 minutes ago. */
  readonly load: (source: SourceName) => Promise<Result<SourceSecrets, 'secret_unavailable'>>
  /** Read now, at most once a minute; in between the same object as `load`'s. */
  readonly refresh: (source: SourceName) => Promise<Result<SourceSecrets, 'secret_unavailable'>>
}

/** Verifies with the cached secrets and, after a mismatch, once more with fresh ones. */
export const verifyDelivery = async (
  source: Source,
  delivery: Delivery,
  secrets: HookSecrets,
  now: Instant,
): Promise<Result<Parsed, RejectReason | 'secret_unavailable'>> => {
  const loaded = await secrets.load(source.name)
  if (!loaded.ok) return loaded
  if (loaded.value.current.reveal() === '') return fail('secret_unavailable')
  const first = await source.verify(delivery, loaded.value, now)
  const isMismatch =
    !first.ok && (first.error === 'signature_invalid' || first.error === 'token_invalid')
  if (!isMismatch) return first
  const fresh = await secrets.refresh(source.name)
  if (!fresh.ok || fresh.value === loaded.value) return first
  return source.verify(delivery, fresh.value, now)
}
