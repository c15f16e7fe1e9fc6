import { toInstant } from '../kernel/clock.ts'
import { hashToken, type PageAccess } from './access.ts'
import { findAsset } from './assets.ts'
import { toCookieName, toPageRequest, type PageRequest } from './request.ts'
import {
  redirectTo,
  renderCookie,
  respondAsset,
  respondHtml,
  type PageResponse,
} from './respond.ts'
import { findSession, readLinkToken, spendLink } from './sign-in.ts'
import { renderSentence, renderSignIn } from './sign-in-view.ts'
import {
  actOn,
  respondNotFound,
  respondApp,
  respondConfirm,
  respondDeployment,
  respondOverview,
  type Signed,
  type SignedServices,
} from './signed.ts'

export interface PageServices extends SignedServices {
  readonly access: PageAccess
}

const signIn = async (
  { form }: PageRequest,
  { access, apiUrl, stage, clock, log }: PageServices,
): Promise<PageResponse> => {
  const linkToken = readLinkToken(form.get('token') ?? '')
  const spent = linkToken && (await spendLink(access, linkToken, toInstant(clock())))
  if (spent === null || spent === '') return respondHtml(401, renderSignIn(stage, 'spent'))
  log.info('session opened', { session: hashToken(spent.token).slice(0, 8) })
  return redirectTo('/', renderCookie(toCookieName(apiUrl), spent.token, spent.seconds))
}

const signOut = async (
  { token }: PageRequest,
  { access, apiUrl, clock }: PageServices,
): Promise<PageResponse> => {
  const now = toInstant(clock())
  // A token that anybody may invent costs a read, and no write.
  if (token !== null && (await findSession(access, token, now)) !== null)
    await access.endSession(hashToken(token), now)
  return redirectTo('/open', renderCookie(toCookieName(apiUrl), '', 0))
}

/** What needs no session, and costs no read unless a link's token is posted. */
const answerOpenly = (
  request: PageRequest,
  services: PageServices,
): PageResponse | Promise<PageResponse> | null => {
  const { method, path } = request
  if (method === 'POST' && !request.isSameOrigin) {
    const told = 'The form was not sent by this page.'
    return respondHtml(403, renderSentence(services.stage, 'Refused', [told], '/'))
  }
  const asset = method === 'GET' ? findAsset(path) : null
  if (asset !== null) return respondAsset(asset.type, asset.text)
  if (path.startsWith('/assets/')) return respondNotFound(services.stage)
  if (path === '/open')
    return method === 'POST'
      ? signIn(request, services)
      : respondHtml(200, renderSignIn(services.stage, 'open'))
  return method === 'POST' && path === '/leave' ? signOut(request, services) : null
}

const answerSigned = async (signed: Signed, services: PageServices): Promise<PageResponse> => {
  const { method, path, query } = signed.request
  if (path === '/') return respondOverview(signed, services)
  const [, name, number] = /^\/app\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  const app = services.apps.find((one) => one.name === name)
  if (app === undefined) return respondNotFound(services.stage)
  if (method === 'POST') return actOn(signed, services, app)
  if (number !== undefined) return respondDeployment(signed, services, app, number)
  return query.has('do') ? respondConfirm(signed, services, app) : respondApp(signed, services, app)
}

/**
 * Answers a request of a browser. Without a cookie, or with one that can be no session's, nothing is read; with another one
 * its session is read, and nothing more unless that is good.
 */
export const answerPage = async (
  event: unknown,
  load: () => PageServices,
): Promise<PageResponse> => {
  const services = load()
  const request = toPageRequest(event, toCookieName(services.apiUrl))
  const open = await answerOpenly(request, services)
  if (open !== null) return open
  const { token } = request
  const signedOut = respondHtml(401, renderSignIn(services.stage, 'signed_out'))
  if (token === null) return signedOut
  const session = await findSession(services.access, token, toInstant(services.clock()))
  return session === null ? signedOut : answerSigned({ request, session, token }, services)
}
