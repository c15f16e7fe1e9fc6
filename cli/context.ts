import * as z from 'zod'
import { AppName } from '../src/kernel/id.ts'
import { toPlainLine } from '../src/kernel/plain-line.ts'
import { usageError } from './exit.ts'

/** The file that a team keeps in its own repository, so that no argument is needed there. */
export const contextFile = '.landfallrc.json'

const ContextFile = z.strictObject({
  stage: z.string().optional(),
  region: z.string().optional(),
  profile: z.string().optional(),
  app: z.string().optional(),
})
type ContextFile = z.output<typeof ContextFile>

/** As in the names of the functions and in the hosts of AWS: nothing else gets into either. */
const patterns = {
  stage: /^[a-zA-Z0-9][a-zA-Z0-9-]{0,60}$/,
  region: /^[a-z]{2,5}(-[a-z]+)+-\d$/,
}

export interface Wishes {
  readonly stage?: string | undefined
  readonly region?: string | undefined
  readonly profile?: string | undefined
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  /** The text of a file, null where there is none. */
  readonly readText: (path: string) => string | null
  /** The region that a profile of ~/.aws/config names. */
  readonly regionOfProfile: (profile: string | undefined) => Promise<string | undefined>
}

/** Where the functions are, and where each word of it comes from. */
export interface Context {
  readonly stage: string
  readonly region: string
  readonly profile: string | undefined
  /** `stage prod (from LANDFALL_STAGE), region eu-west-3 (from --region)` */
  readonly origin: string
}

const parseContextFile = (path: string, text: string): ContextFile => {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw usageError(`${path} is not JSON`)
  }
  const parsed = ContextFile.safeParse(content)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const what = toPlainLine(issue?.message ?? 'is not valid', 200)
  throw usageError(
    `${path}: ${[...(issue?.path ?? []), what].join(': ')}`,
    'it may hold "stage", "region", "profile" and "app"',
  )
}

const parentOf = (directory: string): string | null => {
  const at = directory.replace(/\/+$/, '').lastIndexOf('/')
  if (at < 0 || directory === '/') return null
  return directory.slice(0, at) || '/'
}

/** The nearest one, from here upward. */
export const findContextFile = ({
  directory,
  readText,
}: Pick<Surroundings, 'directory' | 'readText'>): { path: string; content: ContextFile } | null => {
  for (let at: string | null = directory; at !== null; at = parentOf(at)) {
    const path = `${at === '/' ? '' : at}/${contextFile}`
    const text = readText(path)
    if (text !== null) return { path, content: parseContextFile(path, text) }
  }
  return null
}

interface ContextSource {
  readonly from: string
  readonly value: string | undefined
}

/** An empty variable counts as one that is not set. */
const firstOf = (sources: readonly ContextSource[]): { from: string; value: string } | null => {
  for (const { from, value } of sources)
    if (value !== undefined && value !== '') return { from, value }
  return null
}

const takeFirst = (
  what: 'stage' | 'region',
  sources: readonly ContextSource[],
): { from: string; value: string } => {
  const found = firstOf(sources)
  const looked = `looked at: ${sources.map(({ from }) => from).join(', ')}`
  if (found === null) throw usageError(`no ${what} is named`, looked)
  if (!patterns[what].test(found.value))
    throw usageError(
      `${JSON.stringify(toPlainLine(found.value, 80))} (from ${found.from}) is no ${what}`,
    )
  return found
}

/** Credentials of their own, as CI has them, go before the profile that a team's file names: it is not there. */
const hasCredentials = (env: Surroundings['env']): boolean =>
  [
    'AWS_ACCESS_KEY_ID',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ].some((name) => Boolean(env[name]))

/**
 * Stage and region: flag, variable, file; the region also from the profile. No default stage, which would be the
 * wrong one.
 *
 * @throws CommandError (usage) that lists where it looked
 */
export const resolveContext = async (wishes: Wishes, around: Surroundings): Promise<Context> => {
  const { env, directory } = around
  const file = findContextFile(around)
  const fromFile = file?.path ?? `${contextFile} from ${directory} upward`
  const profile = firstOf([
    { from: '--profile', value: wishes.profile },
    { from: 'AWS_PROFILE', value: env['AWS_PROFILE'] },
    { from: fromFile, value: hasCredentials(env) ? undefined : file?.content.profile },
  ])?.value
  const stage = takeFirst('stage', [
    { from: '--stage', value: wishes.stage },
    { from: 'LANDFALL_STAGE', value: env['LANDFALL_STAGE'] },
    { from: fromFile, value: file?.content.stage },
  ])
  const named = [
    { from: '--region', value: wishes.region },
    { from: 'LANDFALL_REGION', value: env['LANDFALL_REGION'] },
    { from: 'AWS_REGION', value: env['AWS_REGION'] },
    { from: fromFile, value: file?.content.region },
  ]
  const isNamed = firstOf(named) !== null
  const ofProfile = isNamed ? undefined : await around.regionOfProfile(profile)
  const region = takeFirst('region', [
    ...named,
    { from: `the profile ${profile ?? 'default'}`, value: ofProfile },
  ])
  const origin = `stage ${stage.value} (from ${stage.from}), region ${region.value} (from ${region.from})`
  return { stage: stage.value, region: region.value, profile, origin }
}

/** The app: argument, `--app`, variable, file. Null where none is named. */
export const resolveApp = (
  wishes: { readonly argument: string | undefined; readonly flag: string | undefined },
  around: Pick<Surroundings, 'env' | 'directory' | 'readText'>,
): string | null => {
  const file = findContextFile(around)
  const found = firstOf([
    { from: 'the argument', value: wishes.argument },
    { from: '--app', value: wishes.flag },
    { from: 'LANDFALL_APP', value: around.env['LANDFALL_APP'] },
    { from: file?.path ?? contextFile, value: file?.content.app },
  ])
  if (found === null) return null
  if (!AppName.safeParse(found.value).success)
    throw usageError(
      `${JSON.stringify(toPlainLine(found.value, 80))} (from ${found.from}) is no name of an app`,
    )
  return found.value
}

/** @throws CommandError (usage) where no app is named */
export const requireApp = (...given: Parameters<typeof resolveApp>): string => {
  const app = resolveApp(...given)
  if (app === null)
    throw usageError(
      'no app is named',
      `looked at: the argument, --app, LANDFALL_APP, ${contextFile}`,
    )
  return app
}
