import { reasons } from '../kernel/reason.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { ReadSecret, SecretRefusal } from './app-secret.ts'
import { assembleEnvironment } from './environment.ts'
import { parseRegistrySecret } from './registry-secret.ts'

/** What to do about a secret that cannot be had. */
const help = {
  secret_missing: (name: string) =>
    `${name} is not there: aws secretsmanager create-secret --name ${name} --secret-string file://…, in this region`,
  secret_unavailable: (name: string) =>
    `${name} could not be read; if the name is new in landfall.yml, deploy Landfall again, so that it may`,
}

const readForCheck = async (
  readSecret: ReadSecret,
  name: string,
): Promise<Result<Redacted, SecretRefusal>> => {
  const secret = await readSecret(name, null)
  if (secret.ok) return succeed(secret.value.value)
  return fail({ reason: secret.error, message: help[secret.error](name) })
}

/** Looks into the secrets of an app and tells no value of them. */
export const createSecretChecks = (readSecret: ReadSecret) => ({
  readSecretKeys: async (
    { env }: { readonly env: Readonly<Record<string, string>> },
    name: string,
  ): Promise<Result<readonly string[], SecretRefusal>> => {
    const secret = await readForCheck(readSecret, name)
    if (!secret.ok) return secret
    const environment = assembleEnvironment({ env, secret: secret.value })
    if (environment.ok) return succeed(environment.value.secretNames)
    const { reason, message } = environment.error
    return fail({ reason, message: `${name}: ${message}. ${reasons[reason]}` })
  },

  checkLogin: async (_app: unknown, name: string): Promise<Result<null, SecretRefusal>> => {
    const secret = await readForCheck(readSecret, name)
    if (!secret.ok) return secret
    const message = `${name} is not { "username": "…", "password": "…" }`
    return parseRegistrySecret(secret.value).ok
      ? succeed(null)
      : fail({ reason: 'secret_invalid', message })
  },
})
