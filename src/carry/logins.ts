import { isToken } from '../api/client.ts'
import { Redacted } from '../kernel/redacted.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { parseRegistryLogin, type ReadSecret, type RegistryLogin } from '../secrets/app-secret.ts'
import type { CarryOrder } from '../targets/carry.ts'
import { carryLater, refuseCarry, type CarryFailure } from './failure.ts'

const readText = async (
  readSecret: ReadSecret,
  name: string,
): Promise<Result<Redacted, CarryFailure>> => {
  const secret = await readSecret(name, null)
  if (secret.ok) return succeed(secret.value.value)
  const { reason, message } = secret.error
  return reason === 'secret_unavailable'
    ? carryLater(reason, message)
    : refuseCarry(reason, message)
}

/** The login of the image's registry; null where the order names none. */
export const readSourceLogin = async (
  readSecret: ReadSecret,
  { registry }: Pick<CarryOrder, 'registry'>,
): Promise<Result<RegistryLogin | null, CarryFailure>> => {
  if (registry === null) return succeed(null)
  const text = await readText(readSecret, registry)
  if (!text.ok) return text
  const login = parseRegistryLogin(registry, text.value)
  return login.ok ? login : refuseCarry(login.error.reason, login.error.message)
}

/** Heroku's registry takes an API key as the password of the user `_`. */
export const readHerokuLogin = async (
  readSecret: ReadSecret,
  { token }: Pick<CarryOrder, 'token'>,
): Promise<Result<RegistryLogin, CarryFailure>> => {
  const text = await readText(readSecret, token)
  if (!text.ok) return text
  // `create-secret --secret-string file://…` takes the file's last line break along.
  const key = text.value.reveal().trim()
  return isToken(key)
    ? succeed({ username: '_', password: new Redacted(key) })
    : refuseCarry('target_unauthorized', `the secret ${token} does not hold an API key`)
}
