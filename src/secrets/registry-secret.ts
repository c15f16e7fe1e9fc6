import * as z from 'zod'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

// One line each: they are entries of an envelope and fields of an HTTP header.
const Line = z.string().regex(/^[^\0\r\n]+$/)

/** `{ "username", "password" }`: the secret that `registry` of landfall.yml names. */
export const RegistrySecret = z.object({
  username: Line,
  password: Line.transform((password) => new Redacted(password)),
})
export type RegistrySecret = z.infer<typeof RegistrySecret>

export const parseRegistrySecret = (secret: Redacted): Result<RegistrySecret, 'secret_invalid'> => {
  try {
    const parsed = RegistrySecret.safeParse(JSON.parse(secret.reveal()))
    return parsed.success ? succeed(parsed.data) : fail('secret_invalid')
  } catch {
    return fail('secret_invalid')
  }
}
