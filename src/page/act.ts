import * as z from 'zod'
import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import type { Instant } from '../kernel/clock.ts'
import { Generation, RevisionId, type AppName } from '../kernel/id.ts'
import { isReason, reasons } from '../kernel/reason.ts'
import {
  findRollback,
  listActions,
  pageFunctions,
  toActionInput,
  toEnds,
  type PageAction,
  type PageFunction,
} from './actions.ts'
import { readNonce, type Purposed } from './nonce.ts'

/** Calls an operator's function and answers what it answered. */
export type InvokeOperator = (name: PageFunction, input: object) => Promise<unknown>

/** What a form or an address names; everything in it is a stranger's. */
const WantedAction = z.object({
  do: z.enum(pageFunctions),
  from: z.string().default(''),
  to: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform((text) => Generation.parse(Number(text)))
    .nullable()
    .catch(null),
  revision: RevisionId.nullable().catch(null),
})

/** The action that is wanted, as it is possible now; null where it is not. */
export const findAction = (
  fields: URLSearchParams,
  head: Head,
  isWaiting: (revision: RevisionId) => boolean,
  now: Instant,
): PageAction | null => {
  const wanted = WantedAction.safeParse(Object.fromEntries(fields))
  if (!wanted.success) return null
  const { do: name, to, revision } = wanted.data
  if (name === 'redeploy' && revision !== null)
    return isWaiting(revision) ? { name, from: null, to: null, revision } : null
  if (name === 'rollback' && to !== null) return findRollback(head, to, now)
  return listActions(head, now).find((action) => action.name === name) ?? null
}

/** Both ends are as the form named them, and the form is of this session. */
export const readConfirmed = (
  fields: URLSearchParams,
  app: AppName,
  action: PageAction,
  token: string,
): string | null => {
  const named = ['do', 'from', 'to', 'revision'].map((field) => fields.get(field))
  const isAsNamed = JSON.stringify(named) === JSON.stringify(toEnds(action))
  return isAsNamed ? readNonce(fields.get('nonce') ?? '', toPurpose(app, action, token)) : null
}

export const toPurpose = (app: AppName, action: PageAction, token: string): Purposed => ({
  token,
  purpose: [app, ...toEnds(action)],
})

const OperatorAnswer = z.object({
  outcome: z.enum(['accepted', 'refused']),
  reason: z.string(),
  message: z.string(),
})

/** What a person is told where a function did not accept. */
interface Unaccepted {
  readonly outcome: 'refused' | 'unanswered'
  readonly told: readonly string[]
}

/** Null where it was accepted. */
export const performAction = async (
  invoke: InvokeOperator,
  app: App,
  action: PageAction,
  { by, requestId, reason }: Readonly<Record<'by' | 'requestId' | 'reason', string>>,
): Promise<Unaccepted | null> => {
  const input = { app: app.name, by, requestId, ...toActionInput(action, reason) }
  const answer = OperatorAnswer.safeParse(await invoke(action.name, input))
  if (!answer.success)
    return {
      outcome: 'unanswered',
      told: [
        `${action.name} did not answer in time. It may have been carried out: look at the app before you press the button again.`,
      ],
    }
  const { outcome, reason: code, message } = answer.data
  if (outcome === 'accepted') return null
  const why = isReason(code) && reasons[code] !== message ? reasons[code] : `(${code})`
  return { outcome: 'refused', told: [message, why] }
}
