import * as z from 'zod'
import { Redacted } from '../../kernel/redacted.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { fail, succeed } from '../../kernel/result.ts'
import { readAppEnvironment, type ReadSecret } from '../../secrets/app-secret.ts'
import type { Environment } from '../../secrets/environment.ts'
import { getFrom, type AskRender, type FromRender } from './api.ts'

const pageSize = 100

/** The values of a service's own variables by their names, without those of linked groups. */
const listVariables = async (ask: AskRender): FromRender<ReadonlyMap<string, Redacted>> => {
  const value = z.string().transform((text) => new Redacted(text))
  const Page = z.array(
    z.object({ cursor: z.string(), envVar: z.object({ key: z.string(), value }) }),
  )
  const variables = new Map<string, Redacted>()
  let after = ''
  // 20 pages are more variables than a service has, and an end if the list has none.
  for (let page = 0; page < 20; page += 1) {
    const listed = await getFrom(ask, `/env-vars?limit=${pageSize}${after}`, Page, 'variables')
    if (!listed.ok) return listed
    for (const { envVar } of listed.value) variables.set(envVar.key, envVar.value)
    const last = listed.value.at(-1)
    if (last === undefined || listed.value.length < pageSize) break
    after = `&cursor=${encodeURIComponent(last.cursor)}`
  }
  return succeed(variables)
}

export interface VariableChanges {
  /** Names of variables that are new or have another value. */
  readonly changed: readonly string[]
  /** Names of variables that only Render has: they stay as they are. */
  readonly others: readonly string[]
}

const compareVariables = async (
  ask: AskRender,
  { values }: Environment,
): FromRender<VariableChanges> => {
  const there = await listVariables(ask)
  if (!there.ok) return there
  return succeed({
    changed: [...values]
      .filter(([name, value]) => there.value.get(name)?.reveal() !== value.reveal())
      .map(([name]) => name),
    others: [...there.value.keys()].filter((name) => !values.has(name)),
  })
}

/** Null if the app's secret cannot be read or used. */
export const findChanges = async (
  readSecret: ReadSecret,
  ask: AskRender,
  app: Parameters<typeof readAppEnvironment>[1],
  secretVersion: string | null,
): FromRender<VariableChanges | null> => {
  const environment = await readAppEnvironment(readSecret, app, secretVersion).catch(
    unlessRetryable,
  )
  return environment instanceof Retryable || !environment.ok
    ? succeed(null)
    : compareVariables(ask, environment.value)
}

/**
 * Sets what differs, one variable at a time: Render's call for all variables would remove the others.
 * They count from the next deploy on. A repeated call continues where the last one ended.
 */
export const syncVariables = async (ask: AskRender, environment: Environment): FromRender<null> => {
  const compared = await compareVariables(ask, environment)
  if (!compared.ok) return compared
  for (const name of compared.value.changed) {
    const value = environment.values.get(name)?.reveal() ?? ''
    const path = `/env-vars/${encodeURIComponent(name)}`
    const answered = await ask({ method: 'PUT', path, body: { value }, isSecret: true })
    if (!answered.ok)
      return fail({ ...answered.error, why: `${answered.error.why}, at the variable ${name}` })
  }
  return succeed(null)
}
