import { SettingsAnswers, type SettingsAnswer } from '../../src/answers/status.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { assembleEnvironment } from '../../src/secrets/environment.ts'
import { CommandError, exitCodes, usageError, type ExitCode } from '../exit.ts'
import { renderJson } from '../json.ts'
import { isKey, parseSecretFile, parseValues, refuseBlanks, type Values } from '../secret-file.ts'
import { appOf, confirm, type Session } from '../session.ts'
import { safe } from '../text.ts'
import { deployApp } from './act.ts'

const loadSettings = async ({ call }: Session, app: string): Promise<SettingsAnswer> => {
  const { answer } = await call('status', { app, view: 'settings' }, SettingsAnswers)
  const [settings] = answer.apps
  if (settings === undefined)
    throw new CommandError(exitCodes.aws, [`status names no settings of ${app}`])
  return settings
}

const readKeys = async ({ aws }: Session, name: string): Promise<readonly string[]> => {
  const values = parseValues((await aws.readSecret(name)).text)
  if (values === null)
    throw new CommandError(exitCodes.endedOtherwise, [`${name} is no JSON object of texts`])
  return [...values.keys()]
}

/** Names, never values. */
export const listKeys = async (session: Session, argument?: string): Promise<ExitCode> => {
  const { app, env, secrets } = await loadSettings(session, appOf(session, argument))
  const keys = secrets === null ? [] : await readKeys(session, secrets)
  const { terminal, flags } = session
  const list = (names: readonly string[]): string =>
    names.map((one) => safe(one, 100)).join(', ') || '–'
  terminal.print(
    flags.json
      ? [renderJson({ app, env, secret: secrets, keys })]
      : [
          `env     ${list(env)}  (landfall.yml)`,
          secrets === null
            ? 'secret  none: landfall.yml names none'
            : `secret  ${list(keys)}  (${safe(secrets, 300)})`,
        ],
  )
  return exitCodes.done
}

export interface SetFlags {
  readonly fromFile?: string
  readonly deploy?: boolean
  readonly watch: boolean
}

/** The app comes first where it is named: a key with a capital or a `_` is none. */
const splitNames = (
  names: readonly string[],
): readonly [app: string | undefined, keys: readonly string[]] => {
  const withValue = names.find((one) => one.includes('='))
  if (withValue !== undefined)
    throw usageError(
      'a value is no argument: every user of this machine could read it',
      'name the key alone; its value is asked for, or read from stdin or --from-file',
    )
  const [first = '', ...rest] = names
  const isApp = /^[a-z][a-z0-9-]*$/.test(first)
  const keys = isApp ? rest : names
  const wrong = keys.find((key) => !isKey(key))
  if (wrong !== undefined)
    throw usageError(`${JSON.stringify(safe(wrong, 80))} is no name of a key`)
  return [isApp ? first : undefined, keys]
}

/** Of what was read, the keys that are named; all of it where none is. */
const pick = (values: Values, keys: readonly string[]): Values => {
  const missing = keys.filter((key) => !values.has(key))
  if (missing.length > 0) throw usageError(`no value is given for ${missing.join(', ')}`)
  return keys.length === 0 ? values : new Map(keys.map((key) => [key, values.get(key) ?? '']))
}

const readNewValues = async (
  { desk, terminal }: Session,
  { fromFile }: SetFlags,
  keys: readonly string[],
): Promise<Values> => {
  if (fromFile !== undefined) {
    const text = desk.readText(fromFile)
    if (text === null) throw usageError(`${safe(fromFile)} cannot be read`)
    return pick(parseSecretFile(text), keys)
  }
  if (!terminal.isAsking) return pick(parseSecretFile(await desk.readInput()), keys)
  if (keys.length === 0) throw usageError('name the keys to set: landfall config set app KEY…')
  const values = new Map<string, string>()
  for (const key of keys) values.set(key, await desk.askHidden(`${key}: `))
  return values
}

/** The whole secret with the new values, checked as a deployment checks it. */
const merge = (name: string, text: string, values: Values): { before: Values; after: Values } => {
  const before = parseValues(text)
  if (before === null)
    throw new CommandError(exitCodes.endedOtherwise, [
      `${name} is no JSON object of texts; nothing was changed`,
    ])
  const after = new Map([...before, ...values])
  const secret = new Redacted(JSON.stringify(Object.fromEntries(after)))
  const checked = assembleEnvironment({ env: {}, secret })
  if (!checked.ok) throw usageError(safe(checked.error.message))
  return { before, after }
}

const describeChange = (before: Values, values: Values): string => {
  const names = [...values.keys()]
  const adds = names.filter((key) => !before.has(key))
  const changes = names.filter((key) => before.has(key) && before.get(key) !== values.get(key))
  const kept = before.size - changes.length
  return [
    ...(adds.length > 0 ? [`adds ${adds.join(', ')}`] : []),
    ...(changes.length > 0 ? [`changes ${changes.join(', ')}`] : []),
    `keeps ${kept}`,
  ].join('; ')
}

const isSame = (before: Values, values: Values): boolean =>
  [...values].every(([key, value]) => before.get(key) === value)

/** Somebody else may write at the same time: as often, it is merged again with what is there then. */
const mostMerges = 5

const replace = async (
  session: Session,
  name: string,
  values: Values,
): Promise<'changed' | 'same'> => {
  const { aws, terminal } = session
  for (let tries = 0; tries < mostMerges; tries += 1) {
    const { text, version } = await aws.readSecret(name)
    const { before, after } = merge(name, text, values)
    if (isSame(before, values)) return 'same'
    if (tries === 0) {
      terminal.say(`${name}: ${describeChange(before, values)}`)
      await confirm(session, `Write this to ${name}`)
    }
    const whole = JSON.stringify(Object.fromEntries(after))
    if (await aws.replaceSecret(name, whole, version)) return 'changed'
    terminal.say(`${name} was changed meanwhile; merging again`)
  }
  throw new CommandError(exitCodes.endedOtherwise, [
    `${name} was changed again and again; nothing of yours was written`,
  ])
}

const offerDeployment = async (
  session: Session,
  flags: SetFlags,
  app: string,
): Promise<ExitCode> => {
  const { desk, terminal } = session
  const isWanted =
    flags.deploy ??
    (terminal.isAsking &&
      /^y(es)?$/i.test((await desk.ask(`Deploy ${app} with it now? [y/N] `)).trim()))
  if (!isWanted) {
    terminal.say(`the containers keep the old values until: landfall deploy ${app}`)
    return exitCodes.done
  }
  return deployApp(
    { ...session, flags: { ...session.flags, yes: true } },
    { watch: flags.watch, force: false },
    app,
  )
}

export const setKeys = async (
  session: Session,
  flags: SetFlags,
  names: readonly string[],
): Promise<ExitCode> => {
  const [argument, keys] = splitNames(names)
  const app = appOf(session, argument)
  const { secrets } = await loadSettings(session, app)
  if (secrets === null)
    throw usageError(
      `landfall.yml names no secret for ${app}`,
      'create one in Secrets Manager and name it as `secrets` of the app',
    )
  const values = await readNewValues(session, flags, keys)
  refuseBlanks(values)
  const outcome = await replace(session, secrets, values)
  session.terminal.say(
    outcome === 'same' ? `${secrets} has these values already` : `${secrets} is written`,
  )
  return outcome === 'same' && flags.deploy !== true
    ? exitCodes.done
    : offerDeployment(session, flags, app)
}
