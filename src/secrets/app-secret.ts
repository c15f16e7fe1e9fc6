import * as z from 'zod'
import { parseJson } from '../kernel/json.ts'
import type { Reason } from '../kernel/reason.ts'
import { Redacted } from '../kernel/redacted.ts'
import { Retryable } from '../kernel/retryable.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { assembleEnvironment, type Environment } from './environment.ts'

/** Secrets Manager: one version of a secret, or the current one. */
export type ReadSecret = (
  name: string,
  version: string | null,
) => Promise<
  Result<
    { readonly value: Redacted; readonly versionId: string },
    'secret_missing' | 'secret_unavailable'
  >
>

/** Why an app's secret cannot be used, for people; never with a value. */
export interface SecretRefusal {
  readonly reason: Reason
  readonly message: string
}

const unavailable = (name: string) => new Retryable(`the secret ${name} could not be read now`)

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
  if (secret.error === 'secret_unavailable') throw unavailable(name)
  return fail({ reason: 'secret_missing', message: `${name}, version ${version ?? 'current'}` })
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
  const login = parseJson(RegistryLogin, secret.value.reveal())
  const message = `${name} is not { "username": "…", "password": "…" }`
  return login === null ? fail({ reason: 'secret_invalid', message }) : succeed(login)
}

/**
 * Asks for the versions of secrets, and for no value.
 *
 * @throws Retryable if a secret cannot be read now
 */
export const createSecretVersions = (readSecret: ReadSecret) => ({
  readSecretVersion: async (name: string): Promise<Result<string, 'secret_missing'>> => {
    const secret = await readSecret(name, null)
    if (secret.ok) return succeed(secret.value.versionId)
    if (secret.error === 'secret_missing') return fail('secret_missing')
    throw unavailable(name)
  },
  hasSecretVersion: async (name: string, version: string): Promise<boolean> => {
    const secret = await readSecret(name, version)
    if (secret.ok || secret.error === 'secret_missing') return secret.ok
    throw unavailable(name)
  },
})
