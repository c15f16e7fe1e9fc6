import { reasons } from '../kernel/reason.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { parseRegistryLogin, type ReadSecret, type SecretRefusal } from './app-secret.ts'
import { assembleEnvironment } from './environment.ts'

const readForCheck = async (
  readSecret: ReadSecret,
  name: string,
): Promise<Result<Redacted, SecretRefusal>> => {
  const secret = await readSecret(name, null)
  return secret.ok ? succeed(secret.value.value) : secret
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
    const login = parseRegistryLogin(name, secret.value)
    return login.ok ? succeed(null) : login
  },
})
