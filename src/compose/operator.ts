import type * as z from 'zod'
import type { App, Configuration } from '../deployment/app.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** What an operator function answers when it does not do what was asked; nothing was changed. */
export interface Refusal {
  readonly outcome: 'refused'
  readonly reason: Reason
  readonly message: string
}

export const refuse = (reason: Reason, detail?: string): Refusal => ({
  outcome: 'refused',
  reason,
  message: detail === undefined ? reasons[reason] : `${reasons[reason]} ${detail}`,
})

/** Names every mistake of an input with its path; `sls invoke` without data hands over nothing at all. */
export const parseInput = <Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): Result<z.output<Schema>, Refusal> => {
  const parsed = schema.safeParse(
    input === '' || input === null || input === undefined ? {} : input,
  )
  if (parsed.success) return succeed(parsed.data)
  const mistakes = parsed.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'input' : path.join('.')}: ${message}`,
  )
  return fail(refuse('input_invalid', mistakes.join('; ')))
}

export const findApp = (configuration: Configuration, name: string): Result<App, Refusal> => {
  const app = configuration.apps.find((one) => one.name === name)
  const known = configuration.apps.map((one) => one.name).join(', ')
  return app === undefined
    ? fail(refuse('app_unknown', `${JSON.stringify(name)} is none of: ${known}.`))
    : succeed(app)
}
