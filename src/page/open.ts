import type * as z from 'zod'
import { addSeconds, toInstant, type Clock } from '../kernel/clock.ts'
import { newToken } from '../kernel/id.ts'
import { answerForAny, type OperatorServices } from '../rollout/operator.ts'
import { hashToken, type PageAccess } from './access.ts'

const linkSeconds = 300
/** A working day; who operates signs in again. */
const operateSeconds = 12 * 3600

interface OpenInput {
  readonly app?: undefined
  readonly by: string
  readonly viewOnly: boolean
  /** Of a session that may only look. */
  readonly days?: number | undefined
  readonly revoke: boolean
}

interface OpenServices extends OperatorServices {
  readonly access: Pick<PageAccess, 'offer' | 'endAll'>
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly clock: Clock
}

const offerLink = async (
  { access, apiUrl, clock }: OpenServices,
  { by, viewOnly, days = 1 }: OpenInput,
) => {
  const at = toInstant(clock())
  const token = newToken()
  const role = viewOnly ? 'view' : 'operate'
  const sessionSeconds = viewOnly ? days * 86_400 : operateSeconds
  const endsAt = addSeconds(at, linkSeconds)
  await access.offer({
    hash: hashToken(token),
    role,
    by,
    at,
    endsAt,
    sessionSeconds,
    spentAt: null,
  })
  return {
    outcome: 'accepted',
    // In the fragment: a browser sends it to no server, so that no log and no preview of a chat has it.
    url: `${apiUrl}/open#${token}`,
    role,
    by,
    usableUntil: endsAt,
    sessionHours: sessionSeconds / 3600,
    message: 'The link opens the page once, in one browser, within five minutes.',
  }
}

/** Answers a one-time link to the page, or ends every link and every session. */
export const answerOpen = (
  schema: z.ZodType<OpenInput>,
  given: unknown,
  load: () => OpenServices,
): Promise<unknown> =>
  answerForAny(schema, given, load, async (_, input, services) => {
    if (!input.revoke) return offerLink(services, input)
    const ended = await services.access.endAll(toInstant(services.clock()))
    return {
      outcome: 'accepted',
      ended,
      message: 'Every link and every session of the page has ended.',
    }
  })
