import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import { toInstant, type Instant } from '../kernel/clock.ts'
import { Generation, type RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { createLogUrl } from '../report/log-url.ts'
import { hashToken, type PageSession } from './access.ts'
import { findAction, performAction, readConfirmed, toPurpose, type InvokeOperator } from './act.ts'
import type { PageAction } from './actions.ts'
import { renderApp } from './app-view.ts'
import { assets } from './assets.ts'
import { labelOf, renderConfirm } from './confirm-view.ts'
import { renderDeployment } from './deployment-view.ts'
import type { Html } from './html.ts'
import {
  hasEtag,
  isBusy,
  readAppModel,
  readDeployment,
  readOverview,
  toEtag,
  type PagePorts,
} from './model.ts'
import { makeNonce } from './nonce.ts'
import { renderOverview } from './overview-view.ts'
import type { PageRequest } from './request.ts'
import { redirectTo, respondHtml, respondUnchanged, type PageResponse } from './respond.ts'
import { renderShell } from './shell.ts'
import { renderSentence } from './sign-in-view.ts'
import { toAppPath } from './words.ts'

/** Who asks, by a session that is good. */
export interface Signed {
  readonly request: PageRequest
  readonly session: PageSession
  /** Of the cookie. */
  readonly token: string
}

export interface SignedServices extends PagePorts {
  readonly stage: string
  /** Without a slash at its end; the cookie's name follows from its scheme. */
  readonly apiUrl: string
  readonly invoke: InvokeOperator
  readonly log: Log
}

const busySeconds = 2
const idleSeconds = 15

interface ShownPage {
  readonly title: string
  readonly isBusy: boolean
  /** All that the page is rendered from. */
  readonly content: readonly unknown[]
  readonly render: () => Html
}

/** Rendered only where the browser does not have it yet. */
const respondShown = (
  { request, session }: Signed,
  stage: string,
  shown: ShownPage,
): PageResponse => {
  const { style, script } = assets()
  const etag = toEtag(stage, session, style.path, script.path, ...shown.content)
  if (hasEtag(request.ifNoneMatch, etag)) return respondUnchanged(etag)
  const polled = { seconds: shown.isBusy ? busySeconds : idleSeconds, etag }
  const { title } = shown
  return respondHtml(200, renderShell({ stage, title, session, polled, body: shown.render() }), {
    etag,
  })
}

const toNow = ({ clock }: PagePorts): Instant => toInstant(clock())

export const respondNotFound = (stage: string): PageResponse =>
  respondHtml(404, renderSentence(stage, 'Not found', ['There is no such page.'], '/'))

export const respondOverview = async (
  signed: Signed,
  services: SignedServices,
): Promise<PageResponse> => {
  const lines = await readOverview(services)
  return respondShown(signed, services.stage, {
    title: 'Apps',
    isBusy: lines.some(({ head }) => isBusy(head)),
    content: lines,
    render: () => renderOverview(lines, services.apps),
  })
}

const readNumber = (text: string | null): Generation | null =>
  text !== null && /^[1-9]\d{0,7}$/.test(text) ? Generation.parse(Number(text)) : null

export const respondApp = async (
  signed: Signed,
  services: SignedServices,
  app: App,
): Promise<PageResponse> => {
  const { request, session } = signed
  const model = await readAppModel(services, app, readNumber(request.query.get('before')))
  return respondShown(signed, services.stage, {
    title: app.name,
    isBusy: isBusy(model.head),
    content: [model],
    render: () => renderApp(model, session.role === 'operate', toNow(services)),
  })
}

/** The local stack has no region in its address, and no such page. */
const findLogUrl = (
  { apiUrl, stage }: SignedServices,
  app: App,
  generation: Generation,
): string | null => {
  const [, region] = /\.execute-api\.([a-z0-9-]+)\.amazonaws\./.exec(apiUrl) ?? []
  return region === undefined ? null : createLogUrl(region, stage)(app, { generation })
}

export const respondDeployment = async (
  signed: Signed,
  services: SignedServices,
  app: App,
  number: string,
): Promise<PageResponse> => {
  const generation = readNumber(number)
  const model = generation && (await readDeployment(services, app, generation))
  if (generation === null || model === null) return respondNotFound(services.stage)
  return respondShown(signed, services.stage, {
    title: `${app.name} #${number}`,
    isBusy: isBusy(model.head),
    content: [model],
    render: () =>
      renderDeployment(
        model,
        signed.session.role === 'operate',
        toNow(services),
        findLogUrl(services, app, generation),
      ),
  })
}

/** Of this session only: its role, and the app as it is now. */
const findWantedAction = async (
  services: SignedServices,
  app: App,
  fields: URLSearchParams,
): Promise<{ readonly head: Head; readonly action: PageAction | null }> => {
  const head = await services.heads.load(app.name)
  const revision = fields.get('revision') ?? 'null'
  const waiting = revision === 'null' ? [] : await services.revisions.loadWaiting(app.name)
  const isWaiting = (id: RevisionId): boolean => waiting.some((one) => one.id === id)
  return { head, action: findAction(fields, head, isWaiting, toNow(services)) }
}

const respondDenied = (stage: string, app: App): PageResponse => {
  const told = 'This session only shows. Ask for a link without viewOnly.'
  return respondHtml(403, renderSentence(stage, 'Not allowed', [told], toAppPath(app.name)))
}

const respondGone = (stage: string, app: App): PageResponse => {
  const told = 'The app has changed since the button was shown, and nothing was done. Look again.'
  return respondHtml(409, renderSentence(stage, 'Nothing was done', [told], toAppPath(app.name)))
}

/** The page that asks once more. */
export const respondConfirm = async (
  { request, session, token }: Signed,
  services: SignedServices,
  app: App,
): Promise<PageResponse> => {
  const { stage } = services
  if (session.role !== 'operate') return respondDenied(stage, app)
  const { head, action } = await findWantedAction(services, app, request.query)
  if (action === null) return respondGone(stage, app)
  const nonce = makeNonce(toPurpose(app.name, action, token))
  const body = renderConfirm(app, head, action, nonce)
  const title = `${app.name}: ${labelOf(action)}?`
  return respondHtml(200, renderShell({ stage, title, session, polled: null, body }))
}

/** Does what was confirmed, by the operator's function. */
export const actOn = async (
  { request, session, token }: Signed,
  services: SignedServices,
  app: App,
): Promise<PageResponse> => {
  const { stage, invoke } = services
  if (session.role !== 'operate') return respondDenied(stage, app)
  const { form } = request
  const { action } = await findWantedAction(services, app, form)
  const requestId = action && readConfirmed(form, app.name, action, token)
  if (action === null || requestId === null) return respondGone(stage, app)
  const { by } = session
  const reason = form.get('reason') ?? ''
  const unaccepted = await performAction(invoke, app, action, { by, requestId, reason })
  const { log } = services
  const session8 = hashToken(token).slice(0, 8)
  log.info('action taken on the page', {
    app: app.name,
    action: action.name,
    by,
    session: session8,
    requestId,
    outcome: unaccepted?.outcome ?? 'accepted',
  })
  if (unaccepted === null) return redirectTo(toAppPath(app.name))
  return respondHtml(
    409,
    renderSentence(
      stage,
      `${labelOf(action)}: ${unaccepted.outcome}`,
      unaccepted.told,
      toAppPath(app.name),
    ),
  )
}
