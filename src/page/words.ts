import type { App } from '../deployment/app.ts'
import { statusOf, type Deployment, type Release } from '../deployment/deployment.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Commit, Generation } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import { isReason, reasons } from '../kernel/reason.ts'
import { html, toHref, type Html } from './html.ts'

/** A time in words for who has no script; the script writes how long ago it is. */
export const renderTime = (at: Instant): Html =>
  html`<time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time>`

/** How long something goes on; the script counts on. */
export const renderSince = (from: Instant): Html =>
  html`<time class="since" datetime="${from}">since ${from.slice(11, 19)} UTC</time>`

/** `1.8 s`, `2 min 5 s`, `1 h 4 min` */
export const sayDuration = (seconds: number): string => {
  if (seconds < 10) return `${Math.max(0, Math.round(seconds * 10) / 10)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const toAppPath = (app: AppName): string => `/app/${app}`

export const toDeploymentPath = (app: AppName, generation: Generation): string =>
  `/app/${app}/${generation}`

export const renderNumber = (app: AppName, generation: Generation): Html =>
  html`<a href="${toDeploymentPath(app, generation)}">#${generation}</a>`

const renderCommit = (app: App, commit: Commit): Html =>
  app.repository === null
    ? html`<code>${commit.slice(0, 7)}</code>`
    : html`<a href="https://github.com/${app.repository}/commit/${commit.slice(0, 12)}"
        ><code>${commit.slice(0, 7)}</code></a
      >`

/** The commit, or the digest of an image without one. */
export const renderVersion = (
  app: App,
  { commit, digest }: Pick<Release, 'commit' | 'digest'>,
): Html => (commit === null ? html`<code>${digest.slice(0, 19)}</code>` : renderCommit(app, commit))

/** Title and author, which strangers write, as they are read. */
export const renderOrigin = (origin: Origin | null): Html | null => {
  if (origin === null) return null
  const { title, author, login, runUrl, compareUrl } = origin
  const person = author ?? login
  const run = toHref(runUrl)
  const changes = toHref(compareUrl)
  return html`<bdi>${title ?? ''}</bdi
    >${person !== null && html` <small>by <bdi>${person}</bdi></small>`}${run !== null && html` <a href="${run}">CI run</a>`}${changes !== null && html` <a href="${changes}">changes</a>`}`
}

/** Good, bad, or neither: a colour beside the word, never instead of it. */
const moods: Readonly<Record<string, string>> = {
  succeeded: 'ok',
  restored: 'ok',
  failed: 'bad',
  timed_out: 'bad',
  lost: 'bad',
  unknown: 'bad',
  rolled_back: 'bad',
  in_progress: 'now',
  running: 'now',
  queued: 'now',
}

export const renderStatus = (status: string): Html =>
  html`<b class="${moods[status] ?? 'off'}">${status.replaceAll('_', ' ')}</b>`

export const renderDeploymentStatus = (deployment: Deployment): Html =>
  renderStatus(statusOf(deployment))

/** In words, with its code, by which docs/reasons.md says what to do. */
export const renderReason = (reason: string | null): Html | null => {
  if (reason === null || reason === 'deployed') return null
  return isReason(reason)
    ? html`${reasons[reason]} <small>(<code>${reason}</code>, docs/reasons.md#${reason})</small>`
    : html`<code>${reason}</code>`
}

const kindWords = {
  deploy: 'deployed',
  redeploy: 'deployed again',
  rollback: 'rolled back',
  repair: 'repaired',
}

export const toCause = ({ kind, by }: Pick<Deployment, 'kind' | 'by'>): string =>
  `${kindWords[kind]} by ${by}`
