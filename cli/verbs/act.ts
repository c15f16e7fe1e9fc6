import { AcceptedAnswer, RedeployAnswer, RollbackAnswer } from '../../src/answers/answer.ts'
import { RevisionAnswer, RollbackView, type ProgressAnswer } from '../../src/answers/status.ts'
import { Refused, type FunctionAnswer } from '../call.ts'
import { exitCodes, usageError, type ExitCode } from '../exit.ts'
import { loadProgress, type Aim } from '../follow.ts'
import { renderJson } from '../json.ts'
import { appOf, confirm, type Session } from '../session.ts'
import { nameRelease, safe, shortRevision } from '../text.ts'
import { parseRevision, toExit, toFollowPorts, watchUntilEnd } from './watch.ts'

/** Who it is that acts, and an id that makes a repeated call harmless. */
const signOf = async ({ aws, desk }: Session): Promise<{ by: string; requestId: string }> => ({
  by: safe(await aws.whoAmI(), 100) || 'operator',
  requestId: desk.newId(),
})

/** With `--json` the function's answer is the whole of stdout; what follows from it is told on stderr. */
const tell = (
  { terminal, flags }: Session,
  { raw, answer }: FunctionAnswer<{ readonly message: string }>,
): void => {
  if (flags.json) terminal.print([renderJson(raw)])
  else terminal.say(safe(answer.message, 500))
}

export interface ActFlags {
  readonly watch: boolean
}

const finish = async (
  session: Session,
  { watch }: ActFlags,
  app: string,
  aim: Aim,
  wanted?: readonly string[],
): Promise<ExitCode> => {
  if (watch) return toExit(session, await watchUntilEnd(session, app, aim), wanted)
  session.terminal.say(`requested; landfall watch ${app} shows how it goes on`)
  return exitCodes.done
}

const loadTitle = async ({ call }: Session, app: string, revision: string): Promise<string> => {
  const found = await call('status', { app, revision }, RevisionAnswer).catch((error: unknown) => {
    if (error instanceof Refused && error.reason === 'revision_unknown') return null
    throw error
  })
  const { push, ci = {} } = found?.answer ?? {}
  const [run] = Object.values(ci)
  const title = (push?.origin ?? run?.origin)?.title
  return title ? ` "${safe(title, 120)}"` : ''
}

const nameLive = ({ live }: ProgressAnswer): string =>
  live === null ? 'nothing live' : nameRelease(live)

export interface DeployFlags extends ActFlags {
  readonly from?: string
  readonly force: boolean
}

/** What is deployed, for people: it is not open yet, so it has no number. */
const describeWanted = async (
  session: Session,
  app: string,
  progress: ProgressAnswer,
  { from }: DeployFlags,
  revision: string | undefined,
): Promise<string> => {
  if (from !== undefined) {
    const other = await loadProgress(toFollowPorts(session), from)
    return `${nameLive(other)} of ${from}`
  }
  if (revision === undefined)
    return `${nameLive(progress)} again, with the settings and secrets of now`
  return `${shortRevision(revision)}${await loadTitle(session, app, revision)}`
}

/** `deploy [app] [SHA]`: one argument alone is a commit where it looks like one. */
const readArguments = (
  first?: string,
  second?: string,
): readonly [app: string | undefined, revision: string | undefined] => {
  const isRevision = (text: string): boolean =>
    /^([0-9a-f]{7,40}|sha256:.*)$/.test(text) && /\d/.test(text)
  if (first !== undefined && second === undefined && isRevision(first)) return [undefined, first]
  return [first, second]
}

export const deployApp = async (
  session: Session,
  flags: DeployFlags,
  first?: string,
  second?: string,
): Promise<ExitCode> => {
  const [argument, text] = readArguments(first, second)
  const app = appOf(session, argument)
  const revision = text === undefined ? undefined : parseRevision(text)
  const { from, force } = flags
  if (from !== undefined && revision !== undefined)
    throw usageError("--from deploys the other app's live image: name no commit with it")
  const [sign, progress] = await Promise.all([
    signOf(session),
    loadProgress(toFollowPorts(session), app),
  ])
  const wanted = await describeWanted(session, app, progress, flags, revision)
  session.terminal.say(`${app}: ${nameLive(progress)} → ${wanted}${force ? ', forced' : ''}`)
  await confirm(session, `Deploy this to ${app}, stage ${session.context.stage}`)
  const input = {
    app,
    ...sign,
    ...(revision !== undefined && { revision }),
    ...(from !== undefined && { from }),
    ...(force && { force }),
  }
  const answered = await session.call('redeploy', input, RedeployAnswer)
  tell(session, answered)
  const { generation } = answered.answer
  const aim: Aim =
    generation === undefined
      ? { kind: 'redeploy', after: progress.generation, takesBack: null }
      : { kind: 'number', generation }
  return finish(session, flags, app, aim)
}

/** `#42 9be01d4 "Add search" → #41 3f2a9c1; ran migrate: the database stays` */
const renderEnds = ({ takesBack, to }: RollbackView): string => {
  const aim = to === null ? 'nothing: nothing was live before' : nameRelease(to)
  const { predeploy } = takesBack
  const ran =
    predeploy === null ? '' : `; ran ${safe(predeploy.join(' '), 200)}: the database stays`
  return `${nameRelease(takesBack)} → ${aim}${ran}`
}

export interface RollbackFlags extends ActFlags {
  readonly to?: string
}

/** A number, a full commit or a digest. */
const parseRelease = (text: string): string | number => {
  const number = /^#?(\d{1,9})$/.exec(text)?.[1]
  return number === undefined ? parseRevision(text) : Number(number)
}

export const rollback = async (
  session: Session,
  flags: RollbackFlags,
  argument?: string,
): Promise<ExitCode> => {
  const app = appOf(session, argument)
  const to = flags.to === undefined ? {} : { to: parseRelease(flags.to) }
  const [sign, progress, ends] = await Promise.all([
    signOf(session),
    loadProgress(toFollowPorts(session), app),
    session.call('status', { app, view: 'rollback', ...to }, RollbackView),
  ])
  session.terminal.say(`${app}: ${renderEnds(ends.answer)}`)
  await confirm(session, `Roll ${app} back, stage ${session.context.stage}`)
  const answered = await session.call('rollback', { app, ...sign, ...to }, RollbackAnswer)
  tell(session, answered)
  const takesBack = answered.answer.takesBack ?? ends.answer.takesBack.generation
  if (takesBack !== ends.answer.takesBack.generation)
    session.terminal.warn(
      `landfall: #${takesBack} has gone out meanwhile, and is what is taken back`,
    )
  // What is not live yet is open, whether or not it was a moment ago.
  const isOpen = takesBack !== progress.live?.generation
  const after = Math.max(progress.generation, takesBack)
  const aim = { kind: 'rollback', after, takesBack: isOpen ? takesBack : null } as const
  const wanted = ['succeeded', ...(isOpen ? ['rolled_back', 'cancelled'] : [])]
  return finish(session, flags, app, aim, wanted)
}

export const cancel = async (
  session: Session,
  flags: ActFlags,
  argument?: string,
): Promise<ExitCode> => {
  const app = appOf(session, argument)
  const [sign, { deployment }] = await Promise.all([
    signOf(session),
    loadProgress(toFollowPorts(session), app),
  ])
  const open = deployment?.endedAt === null ? deployment : null
  const what = open === null ? 'what is requested' : nameRelease(open)
  session.terminal.say(`${app}: ${what} → cancelled, what is live serves`)
  await confirm(session, `Cancel it on ${app}, stage ${session.context.stage}`)
  tell(session, await session.call('cancel', { app, ...sign }, AcceptedAnswer))
  if (open === null) return exitCodes.done
  const { generation } = open
  return finish(session, flags, app, { kind: 'number', generation }, ['cancelled', 'rolled_back'])
}

/** Those whose answer is all that there is to wait for. */
const actAtOnce = async (
  session: Session,
  name: string,
  input: Readonly<Record<string, unknown>>,
  what: readonly [said: string, question: string],
): Promise<ExitCode> => {
  const [said, question] = what
  session.terminal.say(said)
  await confirm(session, `${question}, stage ${session.context.stage}`)
  tell(session, await session.call(name, { ...input, ...(await signOf(session)) }, AcceptedAnswer))
  return exitCodes.done
}

const describeFrozen = ({ frozen }: ProgressAnswer): string =>
  frozen === null ? 'not frozen' : `frozen by ${safe(frozen.by, 100)}: ${safe(frozen.reason)}`

export const freeze = async (
  session: Session,
  reason: string,
  argument?: string,
): Promise<ExitCode> => {
  const app = appOf(session, argument)
  const progress = await loadProgress(toFollowPorts(session), app)
  const said = `${app}: ${describeFrozen(progress)} → frozen: ${safe(reason)}; ${nameLive(progress)} stays`
  return actAtOnce(session, 'freeze', { app, reason }, [said, `Freeze ${app}`])
}

export const unfreeze = async (session: Session, argument?: string): Promise<ExitCode> => {
  const app = appOf(session, argument)
  const progress = await loadProgress(toFollowPorts(session), app)
  const said = `${app}: ${describeFrozen(progress)} → not frozen; the newest waiting commit goes out`
  return actAtOnce(session, 'unfreeze', { app }, [said, `Unfreeze ${app}`])
}

export const renewProxy = (session: Session, digest: string | undefined): Promise<ExitCode> => {
  const to =
    digest === undefined ? 'the newest image under its tag' : shortRevision(parseRevision(digest))
  const said = `every proxy of the stage → ${to}; each port is closed for about a second`
  const input = digest === undefined ? {} : { digest }
  return actAtOnce(session, 'renew-proxy', input, [said, 'Renew the proxies'])
}
