import * as z from 'zod'
import { parseJsonAsWritten } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

/** The environment of an app's container. Every value counts as secret until the envelope is sealed. */
export interface Environment {
  readonly values: ReadonlyMap<string, Redacted>
  /** The names from the secret: the journal keeps them, and their values are masked in output. */
  readonly secretNames: readonly string[]
}

/**
 * A value with line breaks does not fit into docker's env file; the host sets it for the `docker run`
 * process instead. There these names would steer bash, the loader or docker itself.
 */
const steeringNames =
  /^(_|GLIBC_TUNABLES|GCONV_PATH|OPENSSL_(CONF|ENGINES|MODULES)|MALLOC_.*|LOCPATH|NLSPATH|LOCALDOMAIN|RES_OPTIONS|HOSTALIASES|S?RANDOM|SECONDS|EPOCH(SECONDS|REALTIME)|LINENO|FUNCNAME|GROUPS|DIRSTACK|HISTCMD|OPTIND|PATH|HOME|IFS|ENV|SHELL|PWD|OLDPWD|CDPATH|TMPDIR|GLOBIGNORE|SHELLOPTS|PROMPT_COMMAND|PS[0-4]|POSIXLY_CORRECT|POSIX_PEDANTIC|UID|EUID|PPID|LANG|LC_.*|LD_.*|BASH.*|DOCKER_.*|BUILDKIT_.*|COMPOSE_.*|GO[A-Z]+|SSL_CERT_.*|XDG_.*|SSM_.*|(HTTPS?|ALL|NO)_PROXY)$/i

const shown = (name: string): string => JSON.stringify(name.slice(0, 64))

const findMistake = (name: string, value: string): string | null => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `${shown(name)} is not a name for a variable`
  if (value.includes('\0')) return `the value of ${shown(name)} holds a NUL character`
  if (/[\r\n]/.test(value) && steeringNames.test(name))
    return `${shown(name)} steers the shell or docker and cannot have a value with line breaks`
  return null
}

/** The secret as Secrets Manager has it: a JSON object. A number is the text that is written there. */
const parseSecret = (secret: Redacted): Result<ReadonlyMap<string, string>, string> => {
  const json = parseJsonAsWritten(secret.reveal())
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return fail('the secret is not a JSON object')
  const Value = z.union([z.string(), z.boolean().transform(String)])
  const values = new Map<string, string>()
  for (const [name, given] of Object.entries(json)) {
    const value = Value.safeParse(given)
    if (!value.success)
      return fail(`the value of ${shown(name)} is not a text, a number, true or false`)
    values.set(name, value.data)
  }
  return succeed(values)
}

/** Lays the secret over `env`, and checks that a container can have all of it. A refusal has no value. */
export const assembleEnvironment = ({
  env,
  secret,
}: {
  readonly env: Readonly<Record<string, string>>
  readonly secret: Redacted | null
}): Result<Environment, { readonly reason: 'secret_invalid'; readonly message: string }> => {
  const refuse = (message: string) => fail({ reason: 'secret_invalid', message } as const)
  const secrets = secret === null ? succeed(new Map<string, string>()) : parseSecret(secret)
  if (!secrets.ok) return refuse(secrets.error)
  const all = new Map([...Object.entries(env), ...secrets.value])
  for (const [name, value] of all) {
    const mistake = findMistake(name, value)
    if (mistake !== null) return refuse(mistake)
  }
  const values = new Map([...all].map(([name, value]) => [name, new Redacted(value)]))
  return succeed({ values, secretNames: [...secrets.value.keys()] })
}
