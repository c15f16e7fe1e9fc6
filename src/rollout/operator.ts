import * as z from 'zod'
import type { App } from '../deployment/app.ts'
import { Commit, Digest, Generation, type AppName } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** The answer of an operator's function that did nothing. */
export interface Refusal {
  readonly outcome: 'refused'
  readonly reason: Reason
  readonly message: string
}

export const refuseOrder = (reason: Reason, detail?: string): Refusal => ({
  outcome: 'refused',
  reason,
  message: detail === undefined ? reasons[reason] : `${reasons[reason]} ${detail}`,
})

/** A character takes at most 3 bytes in JSON: the size of a head is computed with it. */
export const shortText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, { error: 'must hold no control characters' })

/** The input of every function that changes something. */
export const OperatorInput = z.strictObject({
  app: z.string(),
  by: shortText(100).default('operator'),
  requestId: shortText(100).optional(),
})
export type OperatorInput = z.output<typeof OperatorInput>

/** What `rollback` can go back to: one of status' `releases`. */
export const releaseNameSchema = z.union([Generation, Commit, Digest], {
  error: "the number of a deployment, a full commit or a digest, of status' `releases`",
})

/** Names every mistake of an input with its path. `sls invoke` without data sends an empty string. */
const parseInput = <Input>(schema: z.ZodType<Input>, input: unknown): Result<Input, Refusal> => {
  const parsed = schema.safeParse(
    input === '' || input === null || input === undefined ? {} : input,
  )
  if (parsed.success) return succeed(parsed.data)
  const mistakes = parsed.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'input' : path.join('.')}: ${message}`,
  )
  return fail(refuseOrder('input_invalid', mistakes.join('; ')))
}

export const findApp = (apps: readonly App[], name: string): Result<App, Refusal> => {
  const app = apps.find((one) => one.name === name)
  const known = apps.map((one) => one.name).join(', ')
  return app === undefined
    ? fail(refuseOrder('app_unknown', `${JSON.stringify(name)} is none of: ${known}.`))
    : succeed(app)
}

export interface OperatorServices {
  readonly apps: readonly App[]
}

/** Services of a function that wakes reconcile. */
export interface NudgeServices extends OperatorServices {
  readonly nudge: (app: AppName, revision: null) => Promise<void>
  readonly log: Log
}

/** Answers an input that names an app, or refuses it. */
export const answerForApp = async <
  Input extends { readonly app: string },
  Services extends OperatorServices,
  Answer,
>(
  schema: z.ZodType<Input>,
  given: unknown,
  load: () => Services,
  answer: (app: App, input: Input, services: Services) => Promise<Answer>,
): Promise<Answer | Refusal> => {
  const input = parseInput(schema, given)
  if (!input.ok) return input.error
  const services = load()
  const app = findApp(services.apps, input.value.app)
  return app.ok ? answer(app.value, input.value, services) : app.error
}

/** The same for an input that may name no app: `app` is null then. */
export const answerForAny = async <
  Input extends { readonly app?: string | undefined },
  Services extends OperatorServices,
  Answer,
>(
  schema: z.ZodType<Input>,
  given: unknown,
  load: () => Services,
  answer: (app: App | null, input: Input, services: Services) => Promise<Answer>,
): Promise<Answer | Refusal> => {
  const input = parseInput(schema, given)
  if (!input.ok) return input.error
  const services = load()
  const { app: name } = input.value
  const app = name === undefined ? succeed(null) : findApp(services.apps, name)
  return app.ok ? answer(app.value, input.value, services) : app.error
}

/** A failed nudge loses nothing: the next tick comes within a minute. */
export const nudgeAnyhow = async ({ nudge, log }: NudgeServices, app: AppName): Promise<void> => {
  await nudge(app, null).catch((error: unknown) => {
    log.warn('failed to nudge reconcile, retrying on next tick', { error: String(error) })
  })
}

export const repeated = 'This requestId was used before; nothing was done again.'
