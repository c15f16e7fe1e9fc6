import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment, SendResult } from '../deployment/notice.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Http } from '../kernel/http.ts'
import type { ReadCurrentSecret } from '../secrets/named-secret.ts'

/** Sends a notice to one channel, as `SendNotice` of `src/rollout/ports.ts` requires. */
export type Reporter = (notice: Notice, app: App) => Promise<SendResult>

export interface ReporterPorts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
}

/**
 * Whether the deployment of the notice is live from now on. For a rollback `rolled_back` means that it
 * succeeded; for another deployment, that it was rolled back while it was open.
 */
export const isGoLive = ({ kind, deployment }: Notice): boolean =>
  kind === 'succeeded' || (kind === 'rolled_back' && deployment?.kind === 'rollback')

export const noticeSent: SendResult = { kind: 'sent' }

/** For all requests of one notice; the rest of the 10 s is for Landfall itself. */
export const mostMilliseconds = 9_000

/** Follows the name of a release: where its image was live before, or nothing. */
export const describePromotion = ({ promotedFrom }: NoticeDeployment): string =>
  promotedFrom === null ? '' : `, promoted from ${promotedFrom.app} #${promotedFrom.generation}`
