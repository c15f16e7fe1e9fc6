import type { App } from '../deployment/app.ts'
import type { Notice, SendResult } from '../deployment/notice.ts'

/** Tells a fact to one channel, as `Tell` in `src/rollout/ports.ts` asks for it. */
export type Reporter = (fact: Notice, app: App) => Promise<SendResult>

/**
 * Whether what the fact tells of is live from now on. A rollback that came through is told as
 * `rolled_back`; of any other deployment that says that it was taken back while it was open.
 */
export const isLive = ({ kind, deployment }: Notice): boolean =>
  kind === 'succeeded' || (kind === 'rolled_back' && deployment?.kind === 'rollback')

export const told: SendResult = { kind: 'sent' }

/** For all requests of one telling; what is left of the 10 s is for ourselves. */
export const mostMilliseconds = 9_000
