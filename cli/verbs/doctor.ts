import { PlanAnswer } from '../../src/answers/plan.ts'
import { SettingsAnswers, type SettingsAnswer } from '../../src/answers/status.ts'
import { CommandError, exitCodes, type ExitCode } from '../exit.ts'
import { renderJson } from '../json.ts'
import type { RepositoryFinding } from '../finding.ts'
import { renderFinding } from '../render/plan.ts'
import { findAppOf, type Session } from '../session.ts'
import { safe } from '../text.ts'

export interface DoctorFlags {
  readonly repository?: string
  readonly strict: boolean
}

const noteFine = (what: string, message: string): RepositoryFinding => ({
  level: 'fine',
  what,
  message,
})

/** What `plan` finds of an app, without what is fine. */
const planApp = async (
  { call }: Session,
  { app }: SettingsAnswer,
): Promise<readonly RepositoryFinding[]> => {
  try {
    const { answer } = await call('plan', { app }, PlanAnswer)
    const found = answer.findings.filter(({ level }) => level !== 'fine')
    return [
      noteFine(app, `a deployment would ${answer.would}`),
      ...found.map(({ level, what, message, instance, reason }) => ({
        level,
        what: `${app} ${what}`,
        message,
        ...(instance !== undefined && { instance }),
        ...(reason !== undefined && { reason }),
      })),
    ]
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    return [{ level: 'problem', what: app, message: error.lines.join('; ') }]
  }
}

/** The files of the team's repository that say how an image is built and pushed. */
const lintedFiles = /^(\.github\/workflows\/[^/]+\.ya?ml|\.circleci\/config\.ya?ml|Dockerfile)$/
const mostLintedBytes = 512 * 1024

const readLinted = ({ desk }: Session, directory: string): ReadonlyMap<string, string> => {
  const named = ['.github/workflows', '.circleci', '.'].flatMap((folder) =>
    desk
      .listFiles(`${directory}/${folder}`)
      .map((file) => (folder === '.' ? file : `${folder}/${file}`)),
  )
  const texts = [...new Set(named)]
    .filter((file) => lintedFiles.test(file))
    .map((file) => [file, desk.readText(`${directory}/${file}`) ?? ''] as const)
  return new Map(texts.filter(([, text]) => text.length <= mostLintedBytes))
}

/** `acme/oc-lettings`, of the remote of a clone at GitHub; null where that is not known. */
const findRemote = (config: string | null): string | null =>
  /^\s*url\s*=\s*\S*github\.com[:/]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?\s*$/m.exec(config ?? '')?.[1] ??
  null

/** Those that are deployed from this repository; all of them where it is not known which it is. */
const selectApps = (
  apps: readonly SettingsAnswer[],
  remote: string | null,
): readonly SettingsAnswer[] =>
  remote === null
    ? apps
    : apps.filter(({ repository }) => repository?.toLowerCase() === remote.toLowerCase())

const lintTeam = async (
  session: Session,
  { repository }: DoctorFlags,
  apps: readonly SettingsAnswer[],
): Promise<readonly RepositoryFinding[]> => {
  const directory = repository ?? session.desk.directory
  const files = readLinted(session, directory)
  if (files.size === 0)
    return [
      {
        level: repository === undefined ? 'fine' : 'problem',
        what: 'repository',
        message: `${safe(directory)} has no workflow, no .circleci/config.yml and no Dockerfile; --repository names the team's`,
      },
    ]
  const remote = findRemote(session.desk.readText(`${directory}/.git/config`))
  const own = selectApps(apps, remote)
  if (own.length === 0)
    return [
      {
        level: 'warning',
        what: 'repository',
        message: `no app of this stage is deployed from ${safe(remote ?? directory)}`,
      },
    ]
  // It brings a reader of YAML along, which no other command needs.
  const { lintRepository } = await import('../lint.ts')
  return lintRepository(files, own)
}

/** Credentials, stage, each app, then the team's repository: what is found, all at once. */
export const doctor = async (
  session: Session,
  flags: DoctorFlags,
  argument?: string,
): Promise<ExitCode> => {
  const { aws, call, context, terminal } = session
  const only = findAppOf(session, argument)
  const found: RepositoryFinding[] = [
    noteFine('credentials', `you are ${safe(await aws.whoAmI(), 100)}`),
  ]
  const input = { view: 'settings', ...(only !== null && { app: only }) }
  const { answer } = await call('status', input, SettingsAnswers)
  found.push(
    noteFine('stage', `${context.origin}: ${answer.apps.map(({ app }) => app).join(', ')}`),
  )
  // One after the other: a new account runs ten functions at a time.
  for (const app of answer.apps) found.push(...(await planApp(session, app)))
  found.push(...(await lintTeam(session, flags, answer.apps)))
  terminal.print(
    session.flags.json
      ? [renderJson({ findings: found })]
      : found.map((one) => renderFinding(one, terminal.paint.out)),
  )
  const bad = flags.strict ? ['problem', 'warning'] : ['problem']
  return found.some(({ level }) => bad.includes(level)) ? exitCodes.endedOtherwise : exitCodes.done
}
