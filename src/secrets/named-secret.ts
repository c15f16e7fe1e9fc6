import { later, type ForeignFailure } from '../kernel/foreign.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { SecretFailure } from './app-secret.ts'

/** Secrets Manager: the current version of a secret by its name. */
export type ReadCurrentSecret = (
  name: string,
  version: null,
) => Promise<Result<{ readonly value: Redacted }, SecretFailure>>

/** The text of a secret that is a token, an address or JSON. What refuses it can be mended: `later`. */
export const readNamedSecret = async (
  read: ReadCurrentSecret,
  name: string,
): Promise<Result<Redacted, ForeignFailure>> => {
  const secret = await read(name, null)
  // `create-secret --secret-string file://…` takes the file's last line break along.
  if (secret.ok) return succeed(new Redacted(secret.value.value.reveal().trim()))
  return fail(later(secret.error.message))
}
