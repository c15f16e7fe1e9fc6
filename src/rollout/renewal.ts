import type { Renewal, RenewalRequest } from '../deployment/proxy.ts'
import type * as z from 'zod'
import type { AcceptedAnswer } from '../answers/answer.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import { newNonce, type Digest } from '../kernel/id.ts'
import { reasons } from '../kernel/reason.ts'
import { answerForAny, repeated, type OperatorServices, type Refusal } from './operator.ts'

interface RenewalServices extends OperatorServices {
  /** False where the newest request has the same id. */
  readonly request: (request: RenewalRequest) => Promise<boolean>
  readonly clock: Clock
}

/** How far an operator's renewal of the stage's proxies has come. */
export const showRenewal = ({ request, image, waiting, asked, done, ended }: Renewal) => ({
  by: request.by,
  at: request.at,
  digest: image?.digest ?? request.digest,
  done,
  now: asked?.instance ?? null,
  waiting,
  ended,
})

const gap =
  'Each port is closed while its proxy is replaced: about a second, one instance after the other.'

/** Records the operator's request; reconcile begins it within a minute. */
export const answerRenewal = (
  schema: z.ZodType<{
    readonly app?: undefined
    readonly by: string
    readonly requestId?: string | undefined
    readonly digest?: Digest | undefined
  }>,
  given: unknown,
  load: () => RenewalServices,
): Promise<AcceptedAnswer | Refusal> =>
  answerForAny(schema, given, load, async (_, input, { request, clock }) => {
    const { by, requestId: id = newNonce(), digest = null } = input
    const isNew = await request({ id, by, at: toInstant(clock()), digest })
    const message = isNew ? `${reasons.requested} ${gap}` : repeated
    return { outcome: 'accepted', reason: 'requested', id, message }
  })
