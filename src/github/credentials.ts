import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import * as z from 'zod'
import { isToken } from '../api/client.ts'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** What authenticates to GitHub: a token, or a GitHub App that requests its own tokens. */
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

/** `{ "appId", "privateKey", "installationId"? }`; the key is the PEM file that GitHub issues. */
const AppSecret = z.strictObject({
  appId: Id,
  // In JSON written by hand the line breaks may be escaped twice.
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

/** Parses a secret; the error names what is expected, never the value. */
export const parseCredentials = (secret: Redacted): Result<Credentials, string> => {
  const text = secret.reveal()
  if (!text.startsWith('{'))
    return isToken(text)
      ? succeed({ kind: 'token', token: secret })
      : fail('is not a single token on one line')
  const parsed = parseJson(AppSecret, text)
  if (parsed === null)
    return fail('is not { "appId": …, "privateKey": "…", "installationId"?: … } of a GitHub App')
  const key = readKey(parsed.privateKey)
  if (key === null) return fail('has a privateKey that is no RSA key in PEM')
  const { appId, installationId = null } = parsed
  return succeed({ kind: 'app', appId, key, installationId })
}

/** The JWT (RS256) with which a GitHub App authenticates; valid for nine minutes. */
export const signAppJwt = (appId: string, key: KeyObject, now: Date): Redacted => {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const seconds = Math.floor(now.getTime() / 1000)
  // GitHub allows ten minutes, and its clock may be a minute behind.
  const claims = { iat: seconds - 60, exp: seconds + 540, iss: appId }
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`
  return new Redacted(`${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`)
}
