import { fail } from '../../src/kernel/result.ts'
import type { SecretFailure } from '../../src/secrets/app-secret.ts'

/** Why a secret cannot be read, as Secrets Manager's reader answers it. */
export const failedSecret = (reason: SecretFailure['reason'], name = 'landfall/test/shop') =>
  fail({ reason, message: `the secret ${name} says ${reason}` })

/** A failure by its name among values of secrets; null for a value. */
export const toSecretReason = (held: string): SecretFailure['reason'] | null =>
  held === 'secret_missing' || held === 'secret_refused' || held === 'secret_unavailable'
    ? held
    : null
