import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Configuration } from '../deployment/app.ts'
import type { HookSecrets } from '../delivery/verification.ts'
import { systemClock, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { lazy } from '../kernel/lazy.ts'
import type { Log } from '../kernel/log.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { inTime, toAwsFailure } from './client.ts'
import { createHookSecretCaches } from './hook-secrets.ts'

type SecretVersion = Result<
  { readonly value: Redacted; readonly versionId: string; readonly createdAt: Instant },
  'secret_missing' | 'secret_unavailable'
>

const createSecretsClient = () => new SecretsManagerClient({})

/** A secret is a text, or bytes in UTF-8. */
const readSecret = async (
  client: SecretsManagerClient,
  order: GetSecretValueCommand,
  milliseconds?: number,
): Promise<SecretVersion> => {
  try {
    const answer = await client.send(order, inTime(milliseconds))
    const text = answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8')
    const { VersionId: versionId, CreatedDate: createdAt } = answer
    if (versionId === undefined || createdAt === undefined) return fail('secret_unavailable')
    return succeed({ value: new Redacted(text), versionId, createdAt: toInstant(createdAt) })
  } catch (error) {
    const { code } = toAwsFailure(error)
    // No such secret, version or label; or it is about to be deleted.
    const isMissing = code === 'ResourceNotFoundException' || code === 'InvalidRequestException'
    return fail(isMissing ? 'secret_missing' : 'secret_unavailable')
  }
}

/** Reads one version of a secret by its id, or the current one. */
export const createSecretReader = (create = createSecretsClient) => {
  const client = lazy(create)
  return (name: string, version: string | null): Promise<SecretVersion> => {
    const order = { SecretId: name, ...(version !== null && { VersionId: version }) }
    return readSecret(client(), new GetSecretValueCommand(order))
  }
}

/**
 * The secrets that verify webhooks, by the names that landfall.yml gives them. Kept for 5 minutes;
 * `refresh`, which a bad signature causes, reads once a minute at most, and a secret that cannot be read
 * is asked for every ten seconds at most.
 */
export const createHookSecrets = (
  sources: Configuration['sources'],
  log: Log,
  clock: Clock = systemClock,
  create = createSecretsClient,
): HookSecrets => {
  const client = lazy(create)
  return createHookSecretCaches(
    sources,
    (name, stage) =>
      readSecret(
        client(),
        new GetSecretValueCommand({ SecretId: name, VersionStage: stage }),
        // Two of these calls end before the sender's time and the function's own.
        3_000,
      ),
    clock,
    log,
  )
}
