import { sign, type KeyObject } from 'node:crypto'
import { Redacted } from '../kernel/redacted.ts'

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** GitHub allows ten minutes, and its clock may be behind ours by one. */
const [backSeconds, validSeconds] = [60, 540]

/** The JWT (RS256) by which a GitHub App says who it is; good for nine minutes. */
export const signAppJwt = (appId: string, key: KeyObject, now: Date): Redacted => {
  const seconds = Math.floor(now.getTime() / 1000)
  const claims = { iat: seconds - backSeconds, exp: seconds + validSeconds, iss: appId }
  const signed = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`
  return new Redacted(`${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`)
}
