import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import { newToken } from '../kernel/id.ts'
import { hashToken, isGood, type PageAccess, type PageSession } from './access.ts'
import { isPageToken } from './request.ts'

/** A pasted link or its fragment alone; null where it cannot be one, which costs no read. */
export const readLinkToken = (text: string): string | null => {
  const token = text.trim().slice(text.trim().lastIndexOf('#') + 1)
  return isPageToken(token) ? token : null
}

/**
 * Spends a link. The session is recorded first: nobody knows its token until the link was spent, and `revoke`, which
 * ends the links before the sessions, misses none.
 */
export const spendLink = async (
  access: PageAccess,
  linkToken: string,
  at: Instant,
): Promise<{ readonly token: string; readonly seconds: number } | null> => {
  const hash = hashToken(linkToken)
  const link = await access.loadLink(hash)
  if (link === null || link.spentAt !== null || !isGood(link, at)) return null
  const { role, by, sessionSeconds } = link
  const token = newToken()
  const endsAt = addSeconds(at, sessionSeconds)
  await access.recordSession({ hash: hashToken(token), role, by, at, endsAt })
  return (await access.spend(hash, at)) ? { token, seconds: secondsBetween(at, endsAt) } : null
}

/** The session of a cookie: one read. Null where it has ended. */
export const findSession = async (
  access: Pick<PageAccess, 'loadSession'>,
  token: string,
  at: Instant,
): Promise<PageSession | null> => {
  const session = await access.loadSession(hashToken(token))
  return session !== null && isGood(session, at) ? session : null
}
