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

export interface Secret {
  readonly value: Redacted
  readonly versionId: string
  /** Of this version. */
  readonly createdAt: Instant
}

export type SecretFailure = 'secret_missing' | 'secret_unavailable'

type CreateSecretsClient = () => SecretsManagerClient

const createSecretsClient: CreateSecretsClient = () => new SecretsManagerClient({})

/** Not there, no such version or label, or about to be deleted. */
const missing = ['ResourceNotFoundException', 'InvalidRequestException']

/** Nothing is kept here. A secret may be a text, or bytes in UTF-8. */
const readSecret = async (
  client: SecretsManagerClient,
  order: GetSecretValueCommand,
  milliseconds?: number,
): Promise<Result<Secret, SecretFailure>> => {
  try {
    const answer = await client.send(order, inTime(milliseconds))
    const text = answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8')
    const { VersionId: versionId, CreatedDate: createdAt } = answer
    if (versionId === undefined || createdAt === undefined) return fail('secret_unavailable')
    return succeed({ value: new Redacted(text), versionId, createdAt: toInstant(createdAt) })
  } catch (error) {
    const isMissing = missing.includes(toAwsFailure(error).code)
    return fail(isMissing ? 'secret_missing' : 'secret_unavailable')
  }
}

/** Reads one version of a secret by its id, or the current one. */
export const createSecretReader = (create: CreateSecretsClient = createSecretsClient) => {
  const client = lazy(create)
  return (name: string, version: string | null): Promise<Result<Secret, SecretFailure>> => {
    const order = { SecretId: name, ...(version !== null && { VersionId: version }) }
    return readSecret(client(), new GetSecretValueCommand(order))
  }
}

/** Two of these end before the sender and the function's own limit do. */
const hookSecretMilliseconds = 3_000

/**
 * The secrets that verify webhooks, by the names that landfall.yml gives them. Kept for 5 minutes;
 * `refresh`, which anybody can cause with a bad signature, reads once a minute, and what cannot be
 * read is asked for every ten seconds.
 */
export const createHookSecrets = (
  sources: Configuration['sources'],
  log: Log,
  clock: Clock = systemClock,
  create: CreateSecretsClient = createSecretsClient,
): HookSecrets => {
  const client = lazy(create)
  return createHookSecretCaches(
    sources,
    (name, stage) =>
      readSecret(
        client(),
        new GetSecretValueCommand({ SecretId: name, VersionStage: stage }),
        hookSecretMilliseconds,
      ),
    clock,
    log,
  )
}
