import { judgeAnswer } from '../api/answer.ts'
import { limitTo } from '../api/client.ts'
import { refused } from '../kernel/foreign.ts'
import type { Clock } from '../kernel/clock.ts'
import { isLoopback, type Http } from '../kernel/http.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { readNamedSecret, type ReadCurrentSecret } from '../secrets/named-secret.ts'
import { renderNotice } from './notice-text.ts'
import { mostMilliseconds, told, type Reporter } from './reporter.ts'

export interface NoticePorts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
}

/** The whole secret is the address of an incoming webhook; who knows it can write there. */
const parseAddress = (secret: Redacted): URL | null => {
  const text = secret.reveal()
  if (/\s/.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  const isSafe = url.protocol === 'https:' || isLoopback(url.hostname)
  return isSafe && url.username === '' ? url : null
}

/**
 * A message to an incoming webhook in Slack's shape, which Mattermost, Rocket.Chat, Google Chat and
 * Discord (its address with `/slack`) take too. There is nothing to look up: after a lost answer it
 * is sent again.
 */
export const createNoticeReporter =
  (ports: NoticePorts): Reporter =>
  async (fact, app) => {
    const name = app.reports.notice
    if (name === null) return refused(`${app.name} has no reports.notice in landfall.yml`)
    const http = limitTo(ports.http, mostMilliseconds, ports.clock)
    const secret = await readNamedSecret(ports.readSecret, name)
    if (!secret.ok) return secret.error
    const url = parseAddress(secret.value)
    if (url === null)
      return refused(`the secret ${name} is not the https address of an incoming webhook`)
    const sent = await http({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: renderNotice(fact, app) }),
    })
    const judged = judgeAnswer(url.host, sent, ports.clock())
    return judged.ok ? told : judged.error
  }
