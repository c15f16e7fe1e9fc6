import { parseJson } from '../kernel/json.ts'
import { reasons } from '../kernel/reason.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { RegistryLogin, type ReadSecret, type SecretRefusal } from './app-secret.ts'
import { assembleEnvironment } from './environment.ts'

/** A refusal says what to do. */
const readForCheck = async (
  readSecret: ReadSecret,
  name: string,
): Promise<Result<Redacted, SecretRefusal>> => {
  const secret = await readSecret(name, null)
  if (secret.ok) return succeed(secret.value.value)
  const message =
    secret.error === 'secret_missing'
      ? `${name} does not exist: aws secretsmanager create-secret --name ${name} --secret-string file://…, in this region`
      : `${name} could not be read; if the name is new in landfall.yml, deploy Landfall again: that grants access to it`
  return fail({ reason: secret.error, message })
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
    return parseJson(RegistryLogin, secret.value.reveal()) === null
      ? fail({ reason: 'secret_invalid', message })
      : succeed(null)
  },
})
