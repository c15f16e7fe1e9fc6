import type { App } from '../deployment/app.ts'
import type { Notice, NoticeKind, NoticeDeployment } from '../deployment/notice.ts'
import { reasons } from '../kernel/reason.ts'
import { isLive } from './reporter.ts'

/** The three characters that mean something to Slack; what is left can mention nobody. */
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const toVersion = (app: App, { commit, digest }: NoticeDeployment): string => {
  if (commit === null) return `\`${digest.slice(0, 19)}\``
  const short = commit.slice(0, 7)
  return app.repository === null
    ? `\`${short}\``
    : `<https://github.com/${app.repository}/commit/${commit}|${short}>`
}

const signs: Readonly<Record<NoticeKind, string>> = {
  started: '🚀',
  succeeded: '✅',
  failed: '❌',
  cancelled: '🚫',
  rolled_back: '⏪',
  frozen: '🧊',
  unfrozen: '▶️',
  not_rolled_back: '⚠️',
  drifted: '🧭',
}

const whatHappened: Readonly<Record<NoticeKind, string>> = {
  started: 'has started',
  succeeded: 'is live',
  failed: 'failed',
  cancelled: 'was cancelled',
  rolled_back: 'is taken back',
  frozen: 'is frozen: nothing is deployed by itself until it is unfrozen',
  unfrozen: 'is no longer frozen: the newest commit that waits is deployed',
  not_rolled_back: 'was to be rolled back, and is not',
  drifted: 'was changed by hand on an instance',
}

const toSubject = (app: App, deployment: NoticeDeployment): string => {
  const { kind, generation, takesBack } = deployment
  const version = toVersion(app, deployment)
  if (kind !== 'rollback') return `deployment ${generation} (${version})`
  const back = takesBack === null ? '' : `, which takes back deployment ${takesBack},`
  return `rollback ${generation} to ${version}${back}`
}

const notUndone =
  'What was gone back from had run its `predeploy`, such as a migration: that is *not undone*.'

/** What a way back cannot do is said at its beginning and at its end. */
const toWarnings = ({ kind, deployment }: Notice): readonly string[] => {
  const isWayBack =
    kind === 'rolled_back' || (kind === 'started' && deployment?.kind === 'rollback')
  return isWayBack && deployment?.afterPredeploy === true ? [notUndone] : []
}

const toReasonText = ({ reason }: Notice): readonly string[] =>
  reason === null || reason === 'deployed' ? [] : [`${escape(reasons[reason])} (\`${reason}\`)`]

const toQuote = (message: string | null): readonly string[] =>
  message === null ? [] : message.split(/\r?\n/).map((line) => `> ${escape(line)}`)

/** One fact as a message in Slack's markup: what happened, why, and what that does not mean. */
export const renderNotice = (fact: Notice, app: App): string => {
  const { kind, by, deployment } = fact
  const happened = deployment !== null && isLive(fact) ? 'is live' : whatHappened[kind]
  const where = `*${app.name}* (${escape(deployment?.environment ?? app.environment)})`
  const what = deployment === null ? where : `${where}: ${toSubject(app, deployment)}`
  return [
    `${signs[kind]} ${what} ${happened} · by ${escape(by)}`,
    ...toReasonText(fact),
    ...toQuote(fact.message),
    ...toWarnings(fact),
  ].join('\n')
}
