import { isToken } from '../api/client.ts'
import { Redacted } from '../kernel/redacted.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { isPassing, type ReadLogin } from '../registry/login.ts'
import type { ReadSecret, RegistryLogin } from '../secrets/app-secret.ts'
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

/** The login of the image's registry; null where it has none. */
export const readSourceLogin = async (
  readLogin: ReadLogin,
  order: Pick<CarryOrder, 'image' | 'registry'>,
): Promise<Result<RegistryLogin | null, CarryFailure>> => {
  const login = await readLogin(order)
  if (login.ok) return login
  const { reason, message } = login.error
  return isPassing(login.error) ? carryLater(reason, message) : refuseCarry(reason, message)
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
