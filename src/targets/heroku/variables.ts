import * as z from 'zod'
import { Redacted } from '../../kernel/redacted.ts'
import { fail, succeed } from '../../kernel/result.ts'
import type { Environment } from '../../secrets/environment.ts'
import { getFromHeroku, type AskHeroku, type FromHeroku } from './api.ts'

type Variables = ReadonlyMap<string, Redacted>

const Variables = z
  .record(z.string(), z.string().nullable())
  .transform(
    (values): Variables =>
      new Map(
        Object.entries(values).flatMap(([name, value]) =>
          value === null ? [] : [[name, new Redacted(value)]],
        ),
      ),
  )

/** `release`: as that release of Heroku had them; without it, as they are now. */
export const readVariables = (ask: AskHeroku, release?: string): FromHeroku<Variables> =>
  getFromHeroku(
    ask,
    { path: release === undefined ? '/config-vars' : `/releases/${release}/config-vars` },
    Variables,
    'config vars',
  )

/** The names of variables that are new or have another value. */
export const listChanged = (there: Variables, { values }: Environment): readonly string[] =>
  [...values]
    .filter(([name, value]) => there.get(name)?.reveal() !== value.reveal())
    .map(([name]) => name)

/** The names of variables that only Heroku has: they stay as they are. */
export const listOthers = (there: Variables, { values }: Environment): readonly string[] =>
  [...there.keys()].filter((name) => !values.has(name))

/** Whether a release of Heroku had just what is wanted: the environment, and of the others what is there now. */
export const isWanted = (then: Variables, now: Variables, wanted: Environment | null): boolean => {
  const own = wanted?.values ?? new Map<string, Redacted>()
  const whole = new Map([...now, ...own])
  return (
    then.size === whole.size &&
    [...whole].every(([name, value]) => then.get(name)?.reveal() === value.reveal())
  )
}

/** Sets what differs, in one request: each request is a release of Heroku and restarts the dynos. */
export const setVariables = async (
  ask: AskHeroku,
  names: readonly string[],
  { values }: Environment,
): FromHeroku<null> => {
  const body = Object.fromEntries(names.map((name) => [name, values.get(name)?.reveal() ?? '']))
  const answered = await ask({ method: 'PATCH', path: '/config-vars', body, isSecret: true })
  if (answered.ok) return succeed(null)
  const { error } = answered
  return fail({ ...error, why: `${error.why}, at the config vars ${names.join(', ')}` })
}
