import type { App } from '../deployment/app.ts'
import type { NoticeDeployment } from '../deployment/notice.ts'

/** Sentry's rules for the name of a release (docs.sentry.io/cli/releases). */
const isReleaseName = (name: string): boolean =>
  /^[^\n\t\r/\\]{1,200}$/.test(name) && !['.', '..', ' '].includes(name)

/**
 * The `SENTRY_RELEASE` that the container is given (`host/envelope.sh`), so that its events find their
 * release: the user's own from `env`, else app and commit, or the digest of an image without a commit.
 */
export const findReleaseName = (app: App, { commit, digest }: NoticeDeployment): string | null => {
  const name = app.env['SENTRY_RELEASE'] ?? `${app.name}@${commit ?? digest.slice(7, 19)}`
  return isReleaseName(name) ? name : null
}

/** The same for `SENTRY_ENVIRONMENT`. */
export const findSentryEnvironment = (app: App, { environment }: NoticeDeployment): string =>
  (app.env['SENTRY_ENVIRONMENT'] ?? environment).slice(0, 64)
