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

/** Null where it was accepted, else what to say. */
export const performAction = async (
  invoke: InvokeOperator,
  app: App,
  action: PageAction,
  { by, requestId, reason }: Readonly<Record<'by' | 'requestId' | 'reason', string>>,
): Promise<readonly string[] | null> => {
  const input = { app: app.name, by, requestId, ...toActionInput(action, reason) }
  const answer = OperatorAnswer.safeParse(await invoke(action.name, input))
  if (!answer.success)
    return [
      `${action.name} did not answer. Go back and press the button again: the same form is the same request, which is carried out once.`,
    ]
  const { outcome, reason: code, message } = answer.data
  if (outcome === 'accepted') return null
  return [message, isReason(code) && reasons[code] !== message ? reasons[code] : `(${code})`]
}
