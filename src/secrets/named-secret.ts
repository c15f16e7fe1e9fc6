import { later, type ForeignFailure } from '../kernel/foreign.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** Secrets Manager: the current version of a secret by its name. */
export type ReadCurrentSecret = (
  name: string,
  version: null,
) => Promise<Result<{ readonly value: Redacted }, 'secret_missing' | 'secret_unavailable'>>

/** The text of a secret that is a token, an address or JSON. A missing secret can be created: `later`. */
export const readNamedSecret = async (
  read: ReadCurrentSecret,
  name: string,
): Promise<Result<Redacted, ForeignFailure>> => {
  const secret = await read(name, null)
  // `create-secret --secret-string file://…` takes the file's last line break along.
  if (secret.ok) return succeed(new Redacted(secret.value.value.reveal().trim()))
  const isMissing = secret.error === 'secret_missing'
  return fail(later(`the secret ${name} ${isMissing ? 'is not there' : 'cannot be read now'}`))
}
