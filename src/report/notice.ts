import { toPlainLine } from '../kernel/plain-line.ts'
import { judgeAnswer } from '../api/answer.ts'
import { limitTo } from '../api/client.ts'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment, NoticeKind } from '../deployment/notice.ts'
import { refused } from '../kernel/foreign.ts'
import { isLoopback } from '../kernel/http.ts'
import { reasons } from '../kernel/reason.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { readNamedSecret } from '../secrets/named-secret.ts'
import type { ToPageUrl } from './page-url.ts'
import {
  describePromotion,
  isGoLive,
  mostMilliseconds,
  noticeSent,
  type Reporter,
  type ReporterPorts,
} from './reporter.ts'

/** Escapes Slack's three special characters, so that quoted text can mention no user or channel. */
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const phrases: Readonly<Record<NoticeKind, readonly [sign: string, phrase: string]>> = {
  started: ['🚀', 'has started'],
  succeeded: ['✅', 'is live'],
  failed: ['❌', 'failed'],
  cancelled: ['🚫', 'was cancelled'],
  rolled_back: ['⏪', 'was rolled back'],
  frozen: ['🧊', 'is frozen: new commits are not deployed until it is unfrozen'],
  unfrozen: ['▶️', 'is no longer frozen'],
  not_rolled_back: ['⚠️', 'could not be rolled back'],
  held: ['✋', 'has a commit that needs attention'],
  expired: ['⌛', 'has a commit that is not deployed: it was not complete in time'],
  drifted: ['🧭', 'was changed by hand on an instance'],
  certificate_changed: ['🔑', 'runs on an instance whose key was replaced'],
}

const toVersion = (app: App, { commit, digest }: NoticeDeployment): string => {
  if (commit === null) return `\`${digest.slice(0, 19)}\``
  const short = commit.slice(0, 7)
  return app.repository === null
    ? `\`${short}\``
    : `<https://github.com/${app.repository}/commit/${commit}|${short}>`
}

const toSubject = (app: App, deployment: NoticeDeployment): string => {
  const { kind, generation, takesBack } = deployment
  const version = `${toVersion(app, deployment)}${describePromotion(deployment)}`
  if (kind !== 'rollback') return `deployment ${generation} (${version})`
  const back = takesBack === null ? '' : `, which rolls back deployment ${takesBack},`
  return `rollback ${generation} to ${version}${back}`
}

/**
 * Quotes a text that Landfall did not write. As code, because in it Slack, Discord, Mattermost and Rocket.Chat read
 * no link and no other markup; with a zero-width space after each `@`, because some read mentions even there.
 */
const toCode = (text: string): string => {
  const line = toPlainLine(text).replaceAll(/\s+/g, ' ')
  return `\`${escape(line.replaceAll('`', "'").replaceAll('@', '@\u200B'))}\``
}

/** What is deployed, by whom, and the pages about it. */
const describeOrigin = ({ origin }: NoticeDeployment): readonly string[] => {
  if (origin === null) return []
  const { title, author, login, runUrl, compareUrl } = origin
  const people = author === null ? login : `${author}${login === null ? '' : ` (${login})`}`
  const parts = [
    title === null ? null : toCode(title),
    people === null ? null : `by ${toCode(people)}`,
    runUrl === null ? null : `<${runUrl}|run>`,
    compareUrl === null ? null : `<${compareUrl}|changes>`,
  ]
  return [parts.filter((part) => part !== null).join(' · ')]
}

/** Renders a notice as a message in Slack's markup; it ends with a link to the page. */
export const renderNotice = (notice: Notice, app: App, toPageUrl: ToPageUrl): string => {
  const { kind, by, deployment, reason, message } = notice
  const [sign, phrase] = phrases[kind]
  const happened = deployment !== null && isGoLive(notice) ? 'is live' : phrase
  const follows =
    kind === 'unfrozen' && app.deploy === 'automatic'
      ? ': the newest waiting commit is deployed'
      : ''
  const where = `*${app.name}* (${escape(deployment?.environment ?? app.environment)})`
  const what = deployment === null ? where : `${where}: ${toSubject(app, deployment)}`
  const isRollback =
    kind === 'rolled_back' || (kind === 'started' && deployment?.kind === 'rollback')
  const lines = message?.split(/[\r\n]+/).filter((line) => line.trim() !== '') ?? []
  return [
    `${sign} ${what} ${happened}${follows} · by ${toCode(by)}`,
    ...(deployment === null ? [] : describeOrigin(deployment)),
    ...(reason === null || reason === 'deployed'
      ? []
      : [`${escape(reasons[reason])} (\`${reason}\`)`]),
    ...lines.map((line) => `> ${toCode(line)}`),
    ...(isRollback && deployment?.afterPredeploy === true
      ? ['The `predeploy` of what is rolled back, such as a migration, is *not undone*.']
      : []),
    `<${toPageUrl(app.name, deployment?.generation ?? null)}|page>`,
  ].join('\n')
}

/** The whole secret is the address of an incoming webhook, and gives the right to post there. */
const parseAddress = (secret: Redacted): URL | null => {
  const text = secret.reveal()
  if (/\s/.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  const isSafe = url.protocol === 'https:' || isLoopback(url.hostname)
  return isSafe && url.username === '' ? url : null
}

/**
 * Posts a message to an incoming webhook in Slack's format, which Mattermost, Rocket.Chat, Google Chat and
 * Discord (its address with `/slack`) accept too. A webhook cannot be queried, so the message is sent
 * again after a lost answer.
 */
export const createNoticeReporter =
  (ports: ReporterPorts, toPageUrl: ToPageUrl): Reporter =>
  async (notice, app) => {
    const name = app.reports.notice
    if (name === null) return refused(`${app.name} has no reports.notice in landfall.yml`)
    const http = limitTo(ports.http, mostMilliseconds, ports.clock)
    const secret = await readNamedSecret(ports.readSecret, name)
    if (!secret.ok) return secret.error
    const url = parseAddress(secret.value)
    if (url === null)
      return refused(`the secret ${name} is not the https address of an incoming webhook`)
    const answered = await http({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: renderNotice(notice, app, toPageUrl) }),
    })
    const judged = judgeAnswer(url.host, answered, ports.clock())
    return judged.ok ? noticeSent : judged.error
  }
