import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Configuration } from '../deployment/app.ts'
import type { HookSecrets } from '../delivery/verification.ts'
import { systemClock, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { lazy } from '../kernel/lazy.ts'
import type { Log } from '../kernel/log.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { SecretFailure } from '../secrets/app-secret.ts'
import { inTime, toAwsFailure, type AwsFailure } from './client.ts'
import { createHookSecretCaches, type ReadStage } from './hook-secrets.ts'
import { toSecretFailure } from './secret-answers.ts'

interface SecretVersion {
  readonly value: Redacted
  readonly versionId: string
  readonly createdAt: Instant
}

/** An answer without VersionId or CreatedDate. */
const unexpected: AwsFailure = { kind: 'uncertain', code: 'UnexpectedAnswer', message: '' }

const createSecretsClient = () => new SecretsManagerClient({})

/** A secret is a text, or bytes in UTF-8. */
const readSecret = async (
  client: SecretsManagerClient,
  order: GetSecretValueCommand,
  milliseconds?: number,
): Promise<Result<SecretVersion, AwsFailure>> => {
  try {
    const answer = await client.send(order, inTime(milliseconds))
    const text = answer.SecretString ?? Buffer.from(answer.SecretBinary ?? []).toString('utf8')
    const { VersionId: versionId, CreatedDate: createdAt } = answer
    if (versionId === undefined || createdAt === undefined) return fail(unexpected)
    return succeed({ value: new Redacted(text), versionId, createdAt: toInstant(createdAt) })
  } catch (error) {
    return fail(toAwsFailure(error))
  }
}

/** Reads one version of a secret by its id, or the current one. */
export const createSecretReader = (create = createSecretsClient) => {
  const client = lazy(create)
  return async (
    name: string,
    version: string | null,
  ): Promise<Result<SecretVersion, SecretFailure>> => {
    const order = { SecretId: name, ...(version !== null && { VersionId: version }) }
    const secret = await readSecret(client(), new GetSecretValueCommand(order))
    return secret.ok ? secret : fail(toSecretFailure(name, version, secret.error))
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
  const readStage: ReadStage = async (name, stage) => {
    const order = new GetSecretValueCommand({ SecretId: name, VersionStage: stage })
    // Two of these calls end before the sender's time and the function's own.
    const secret = await readSecret(client(), order, 3_000)
    return secret.ok ? secret : fail(toSecretFailure(name, null, secret.error))
  }
  return createHookSecretCaches(sources, readStage, clock, log)
}
