import * as z from 'zod'
import { parseJson } from '../kernel/json.ts'
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
  const parsed = parseJson(RegistrySecret, secret.reveal())
  return parsed === null ? fail('secret_invalid') : succeed(parsed)
}
