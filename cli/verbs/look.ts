import { HooksAnswer, PlanAnswer } from '../../src/answers/plan.ts'
import { AppAnswer, AppsAnswer, DeploymentAnswer, HistoryAnswer } from '../../src/answers/status.ts'
import { exitCodes, usageError, type ExitCode } from '../exit.ts'
import { renderDeploymentLines, renderHistoryLines } from '../render/deployment.ts'
import { renderHooks, renderPlan } from '../render/plan.ts'
import { renderAppLines, renderApps } from '../render/status.ts'
import { appOf, findAppOf, printAnswer, type Session } from '../session.ts'

const viewOf = ({ terminal, desk }: Session) => ({ paint: terminal.paint.out, now: desk.now() })

/** All apps, or one. */
export const status = async (session: Session, argument?: string): Promise<ExitCode> => {
  const app = findAppOf(session, argument)
  const view = viewOf(session)
  return app === null
    ? printAnswer(session, await session.call('status', {}, AppsAnswer), ({ apps }) =>
        renderApps(apps, view),
      )
    : printAnswer(session, await session.call('status', { app }, AppAnswer), (one) =>
        renderAppLines(one, view),
      )
}

export const history = async (
  session: Session,
  limit: number,
  argument?: string,
): Promise<ExitCode> => {
  const input = { app: appOf(session, argument), view: 'history', limit }
  const answered = await session.call('status', input, HistoryAnswer)
  return printAnswer(session, answered, (answer) => renderHistoryLines(answer, viewOf(session)))
}

/** `show 42` where the app is known, else `show app 42`. */
export const showDeploymentOf = async (
  session: Session,
  first: string,
  second?: string,
): Promise<ExitCode> => {
  const [argument, text] = second === undefined ? [undefined, first] : [first, second]
  const number = /^#?(\d{1,9})$/.exec(text)?.[1]
  if (number === undefined) throw usageError(`${JSON.stringify(text)} is no number of a deployment`)
  const app = appOf(session, argument)
  const input = { app, view: 'deployment', generation: Number(number) }
  const answered = await session.call('status', input, DeploymentAnswer)
  return printAnswer(session, answered, (one) => renderDeploymentLines(app, one, viewOf(session)))
}

/** Exit code 1 where a deployment would not succeed. */
export const plan = async (
  session: Session,
  revision: string | undefined,
  argument?: string,
): Promise<ExitCode> => {
  const input = { app: appOf(session, argument), ...(revision !== undefined && { revision }) }
  const answered = await session.call('plan', input, PlanAnswer)
  printAnswer(session, answered, (one) => renderPlan(one, session.terminal.paint.out))
  return answered.answer.ok ? exitCodes.done : exitCodes.endedOtherwise
}

export const hooks = async (session: Session, argument?: string): Promise<ExitCode> => {
  const app = findAppOf(session, argument)
  const answered = await session.call('hooks', app === null ? {} : { app }, HooksAnswer)
  return printAnswer(session, answered, (apps) => renderHooks(apps, session.terminal.paint.out))
}
