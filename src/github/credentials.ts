import { createPrivateKey, type KeyObject } from 'node:crypto'
import * as z from 'zod'
import { isToken } from '../api/client.ts'
import { parseJson } from '../kernel/json.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** Who speaks to GitHub: somebody's token, or a GitHub App that gets its tokens itself. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: Redacted }
  | {
      readonly kind: 'app'
      readonly appId: string
      readonly key: KeyObject
      readonly installationId: string | null
    }

const Id = z.union([
  z.string().regex(/^[\w.-]{1,64}$/),
  z.number().int().positive().transform(String),
])

/** `{ "appId", "privateKey", "installationId"? }`; the key as GitHub hands it out, a PEM. */
const AppSecret = z.strictObject({
  appId: Id,
  // Who writes the JSON by hand may have escaped the line breaks twice.
  privateKey: z.string().transform((pem) => pem.replaceAll('\\n', '\n')),
  installationId: Id.optional(),
})

const readKey = (pem: string): KeyObject | null => {
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'rsa' ? key : null
  } catch {
    return null
  }
}

/** A secret's text as credentials; the mistake names what is expected and never what is there. */
export const parseCredentials = (secret: Redacted): Result<Credentials, string> => {
  const text = secret.reveal()
  if (!text.startsWith('{'))
    return isToken(text)
      ? succeed({ kind: 'token', token: secret })
      : fail('is not one token on one line')
  const parsed = parseJson(AppSecret, text)
  if (parsed === null)
    return fail('is not { "appId": …, "privateKey": "…", "installationId"?: … } of a GitHub App')
  const key = readKey(parsed.privateKey)
  if (key === null) return fail('has a privateKey that is no RSA key in PEM')
  const { appId, installationId = null } = parsed
  return succeed({ kind: 'app', appId, key, installationId })
}
