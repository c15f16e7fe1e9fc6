import * as z from 'zod'
import { parseJson } from '../../kernel/json.ts'
import { Redacted } from '../../kernel/redacted.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { Environment } from '../../secrets/environment.ts'
import { failLater, type AskRender, type RenderFailure } from './api.ts'

/** The values of a service's own variables by their names; those of linked groups are not among them. */
export type Variables = ReadonlyMap<string, Redacted>

const Page = z.array(
  z.object({
    cursor: z.string(),
    envVar: z.object({
      key: z.string(),
      value: z.string().transform((value) => new Redacted(value)),
    }),
  }),
)

const pageSize = 100
/** More variables than these nobody has; a list that never ends must not hold anything up. */
const mostVariablePages = 20

export const listVariables = async (ask: AskRender): Promise<Result<Variables, RenderFailure>> => {
  const variables = new Map<string, Redacted>()
  let after = ''
  for (let page = 0; page < mostVariablePages; page += 1) {
    const answered = await ask({ method: 'GET', path: `/env-vars?limit=${pageSize}${after}` })
    if (!answered.ok) return answered
    const listed = parseJson(Page, answered.value.body)
    if (listed === null) return failLater('Render lists variables in another way')
    for (const { envVar } of listed) variables.set(envVar.key, envVar.value)
    const last = listed.at(-1)
    if (last === undefined || listed.length < pageSize) break
    after = `&cursor=${encodeURIComponent(last.cursor)}`
  }
  return succeed(variables)
}

export interface VariableChanges {
  /** Names of what is new or has another value. */
  readonly changed: readonly string[]
  /** Names that Render has and the app has not: they are left alone. */
  readonly others: readonly string[]
}

/** What is to be set, by name. */
export const compareVariables = (there: Variables, { values }: Environment): VariableChanges => ({
  changed: [...values]
    .filter(([name, value]) => there.get(name)?.reveal() !== value.reveal())
    .map(([name]) => name),
  others: [...there.keys()].filter((name) => !values.has(name)),
})

/**
 * Sets what differs, one variable at a time: the call that takes them all would take away what others
 * have set. They count from the next deploy on. Repeated, it goes on where it ended.
 */
export const syncVariables = async (
  ask: AskRender,
  environment: Environment,
): Promise<Result<null, RenderFailure>> => {
  const there = await listVariables(ask)
  if (!there.ok) return there
  for (const name of compareVariables(there.value, environment).changed) {
    const value = environment.values.get(name)?.reveal() ?? ''
    const path = `/env-vars/${encodeURIComponent(name)}`
    const answered = await ask({ method: 'PUT', path, body: { value }, isSecret: true })
    if (!answered.ok)
      return fail({ ...answered.error, why: `${answered.error.why}, at the variable ${name}` })
  }
  return succeed(null)
}
