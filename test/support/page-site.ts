import type { App } from '../../src/deployment/app.ts'
import type { Ended } from '../../src/deployment/deployment.ts'
import type { Head } from '../../src/deployment/head.ts'
import type { Revision } from '../../src/deployment/revision.ts'
import type { StepRecord } from '../../src/deployment/step.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import { newToken } from '../../src/kernel/id.ts'
import {
  hashToken,
  type PageAccess,
  type PageRole,
  type PageSession,
  type SignInLink,
} from '../../src/page/access.ts'
import { answerPage, type PageServices } from '../../src/page/page.ts'
import { begin } from './core.ts'
import { after, lettings } from './deployments.ts'
import { silent } from './examples.ts'

/** What the page reads, and what its functions answer. */
export interface SiteFacts {
  readonly apps?: readonly App[]
  readonly head?: Head
  readonly past?: readonly Ended[]
  readonly waiting?: readonly Revision[]
  readonly steps?: readonly StepRecord[]
  readonly answer?: unknown
  readonly apiUrl?: string
}

interface Sent {
  readonly method?: string
  readonly cookie?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
}

export const host = 'page.example'

/** The page over records in memory; every read and write is counted, and every call of a function kept. */
export const openSite = (facts: SiteFacts = {}) => {
  const calls: string[] = []
  const invoked: { readonly name: string; readonly input: object }[] = []
  const links = new Map<string, SignInLink>()
  const sessions = new Map<string, PageSession>()
  const clock = { now: after(100) }
  const site = { head: facts.head ?? begin().stored, answer: facts.answer }
  const noted = async <Value>(call: string, value: () => Value): Promise<Value> => {
    calls.push(call)
    return Promise.resolve(value())
  }
  const access: PageAccess = {
    offer: (link) => noted('write link', () => void links.set(link.hash, link)),
    loadLink: (hash) => noted('read link', () => links.get(hash) ?? null),
    spend: (hash, now) =>
      noted('write link', () => {
        const link = links.get(hash)
        if (link === undefined || link.spentAt !== null) return false
        links.set(hash, { ...link, spentAt: now })
        return true
      }),
    recordSession: (one) => noted('write session', () => void sessions.set(one.hash, one)),
    loadSession: (hash) => noted('read session', () => sessions.get(hash) ?? null),
    endSession: (hash, now) =>
      noted('write session', () => {
        const one = sessions.get(hash)
        if (one !== undefined) sessions.set(hash, { ...one, endsAt: now })
      }),
    endAll: () => noted('write all', () => 0),
  }
  const past = facts.past ?? []
  const services: PageServices = {
    stage: 'prod',
    apiUrl: facts.apiUrl ?? `https://${host}`,
    apps: facts.apps ?? [lettings],
    access,
    heads: { load: () => noted('read head', () => site.head) },
    revisions: { loadWaiting: () => noted('read waiting', () => facts.waiting ?? []) },
    seen: { load: () => noted('read seen', () => ({})) },
    past: {
      list: (_, limit, before) =>
        noted('read history', () =>
          past
            .filter(({ generation }) => before === null || generation < before)
            .toSorted((one, other) => other.generation - one.generation)
            .slice(0, limit),
        ),
      load: (_, number) =>
        noted('read history', () => past.find(({ generation }) => generation === number) ?? null),
    },
    history: {
      loadSteps: (_, number) =>
        noted('read steps', () =>
          (facts.steps ?? []).filter(({ generation }) => generation === number),
        ),
    },
    invoke: (name, input) => {
      invoked.push({ name, input })
      return Promise.resolve(
        site.answer ?? { outcome: 'accepted', reason: 'requested', message: 'Recorded.' },
      )
    },
    clock: () => new Date(clock.now),
    log: silent,
  }
  const send = async (target: string, sent: Sent = {}) => {
    const { pathname, searchParams } = new URL(target, `https://${host}`)
    const { method = sent.form === undefined ? 'GET' : 'POST', cookie = null, form } = sent
    const event = {
      rawPath: pathname,
      rawQueryString: searchParams.toString(),
      requestContext: { http: { method } },
      cookies: cookie === null ? [] : [`__Host-landfall=${cookie}`],
      headers: {
        host,
        ...(method === 'POST' && { origin: `https://${host}` }),
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...sent.headers,
      },
      ...(form !== undefined && { body: new URLSearchParams(form).toString() }),
    }
    const {
      statusCode: status,
      headers,
      cookies = [],
      body,
    } = await answerPage(event, () => services)
    return { status, headers, cookies, body }
  }
  /** The cookie of a session that was opened before. */
  const signIn = (role: PageRole): string => {
    const token = newToken()
    const endsAt = addSeconds(clock.now, 3600)
    const hash = hashToken(token)
    sessions.set(hash, { hash, role, by: 'ada', at: clock.now, endsAt })
    return token
  }
  return { send, signIn, calls, invoked, clock, links, sessions, site }
}

export type Site = ReturnType<typeof openSite>

/** The fields of the form that a page has with this button. */
export const readForm = (page: string, action: string): Record<string, string> => {
  const form = page.split('<form').find((one) => one.includes(action)) ?? ''
  const fields = form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)
  return Object.fromEntries([...fields].map(([, name = '', value = '']) => [name, value]))
}
