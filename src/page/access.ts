import { createHash } from 'node:crypto'
import type { Instant } from '../kernel/clock.ts'

/** What a session may do: `operate` includes `view`. */
export type PageRole = 'view' | 'operate'

/** A sign-in link or a session, known by the SHA-256 of its token, which is stored nowhere. */
interface Granted {
  readonly hash: string
  readonly role: PageRole
  /** The name that operations carry as their `by`. */
  readonly by: string
  readonly at: Instant
  /** From then on it is good for nothing, whether DynamoDB has removed it or not. */
  readonly endsAt: Instant
}

/** A link that was handed out; spending it makes one session. */
export interface SignInLink extends Granted {
  /** How long the session lives that it makes. */
  readonly sessionSeconds: number
  readonly spentAt: Instant | null
}

export type PageSession = Granted

/** Links and sessions, read strongly consistent. */
export interface PageAccess {
  offer(link: SignInLink): Promise<void>
  loadLink(hash: string): Promise<SignInLink | null>
  /** False where the link was spent or ended meanwhile. */
  spend(hash: string, now: Instant): Promise<boolean>
  recordSession(session: PageSession): Promise<void>
  loadSession(hash: string): Promise<PageSession | null>
  endSession(hash: string, now: Instant): Promise<void>
  /** Ends every link and every session; the number of them that were good until now. */
  endAll(now: Instant): Promise<number>
}

/** Of 256 random bits no stranger finds a second token: a plain hash is enough. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')

export const isGood = ({ endsAt }: Pick<Granted, 'endsAt'>, now: Instant): boolean =>
  Date.parse(now) < Date.parse(endsAt)
