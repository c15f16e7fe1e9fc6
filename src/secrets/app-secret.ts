import * as z from 'zod'
import { parseJson } from '../kernel/json.ts'
import type { Reason } from '../kernel/reason.ts'
import { Redacted } from '../kernel/redacted.ts'
import { Retryable } from '../kernel/retryable.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { assembleEnvironment, type Environment } from './environment.ts'

/**
 * Why a secret was not read. `secret_missing` and `secret_refused` last until a person changes something, which
 * `message` names with the service's code; `secret_unavailable` passes. Never with a value.
 */
export interface SecretFailure {
  readonly reason: 'secret_missing' | 'secret_refused' | 'secret_unavailable'
  readonly message: string
}

/** Secrets Manager: one version of a secret, or the current one. */
export type ReadSecret = (
  name: string,
  version: string | null,
) => Promise<Result<{ readonly value: Redacted; readonly versionId: string }, SecretFailure>>

/** Why an app's secret cannot be used, for people; never with a value. */
export interface SecretRefusal {
  readonly reason: Reason
  readonly message: string
}

/**
 * The text of a secret that an app names; null if it names none.
 *
 * @throws Retryable if it cannot be read now
 */
export const readAppSecret = async (
  readSecret: ReadSecret,
  name: string | null,
  version: string | null,
): Promise<Result<Redacted | null, SecretRefusal>> => {
  if (name === null) return succeed(null)
  const secret = await readSecret(name, version)
  if (secret.ok) return succeed(secret.value.value)
  if (secret.error.reason === 'secret_unavailable') throw new Retryable(secret.error.message)
  return secret
}

/**
 * An app's environment: `env` of landfall.yml with that version of its secret laid over it.
 *
 * @throws Retryable if the secret cannot be read now
 */
export const readAppEnvironment = async (
  readSecret: ReadSecret,
  {
    env,
    secrets,
  }: { readonly env: Readonly<Record<string, string>>; readonly secrets: string | null },
  version: string | null,
): Promise<Result<Environment, SecretRefusal>> => {
  const secret = await readAppSecret(readSecret, secrets, version)
  return secret.ok ? assembleEnvironment({ env, secret: secret.value }) : secret
}

// One line each: they are entries of an envelope and fields of an HTTP header.
const Line = z.string().regex(/^[^\0\r\n]+$/)

/** The secret that `registry` of landfall.yml names. */
export const RegistryLogin = z.object({
  username: Line,
  password: Line.transform((password) => new Redacted(password)),
})
export type RegistryLogin = z.infer<typeof RegistryLogin>

/** A private registry of Amazon ECR, which takes a token of GetAuthorizationToken as its password. */
export interface EcrRegistry {
  readonly account: string
  readonly region: string
  readonly isFips: boolean
}

/** The login by the role of this function, good for hours from now. */
export type ReadEcrLogin = (registry: EcrRegistry) => Promise<Result<RegistryLogin, SecretRefusal>>

export const parseRegistryLogin = (
  name: string,
  secret: Redacted,
): Result<RegistryLogin, SecretRefusal> => {
  const login = parseJson(RegistryLogin, secret.reveal())
  const message = `${name} is not { "username": "…", "password": "…" }`
  return login === null ? fail({ reason: 'secret_invalid', message }) : succeed(login)
}

/**
 * The registry login that an app names; null if it names none.
 *
 * @throws Retryable if the secret cannot be read now
 */
export const readRegistryLogin = async (
  readSecret: ReadSecret,
  name: string | null,
): Promise<Result<RegistryLogin | null, SecretRefusal>> => {
  const secret = await readAppSecret(readSecret, name, null)
  if (!secret.ok || secret.value === null) return secret.ok ? succeed(null) : secret
  return parseRegistryLogin(`${name}`, secret.value)
}

/** Asks for the versions of secrets, and for no value. */
export const createSecretVersions = (readSecret: ReadSecret) => ({
  readSecretVersion: async (name: string): Promise<Result<string, SecretFailure>> => {
    const secret = await readSecret(name, null)
    return secret.ok ? succeed(secret.value.versionId) : secret
  },
  /** @throws Retryable if the secret cannot be read */
  hasSecretVersion: async (name: string, version: string): Promise<boolean> => {
    const secret = await readSecret(name, version)
    if (secret.ok || secret.error.reason === 'secret_missing') return secret.ok
    throw new Retryable(secret.error.message)
  },
})
