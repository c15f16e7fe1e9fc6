import type { Channel } from '../deployment/notice.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Http } from '../kernel/http.ts'
import type { ReadCurrentSecret } from '../secrets/named-secret.ts'
import type { Reporter } from './reporter.ts'

interface ReporterParts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
  /** `<account>/<region>/<stage>`, for a link to the log. */
  readonly owner: string
  readonly githubApi: URL
  /** Loads the channel `event`, which AWS takes. */
  readonly loadEvent: () => Promise<Reporter>
}

/**
 * Made when there is the first thing to tell, and kept with its tokens: no cold start pays for it. One
 * that could not be made is made anew at the next try.
 */
export const late = (load: () => Promise<Reporter>): Reporter => {
  let loading: Promise<Reporter> | null = null
  return async (fact, app) => {
    loading ??= load().catch((error: unknown) => {
      loading = null
      throw error
    })
    const report = await loading
    return report(fact, app)
  }
}

/** The channels of facts; `reports` of landfall.yml names the secrets of GitHub's, notice's and Sentry's. */
export const createReporters = ({
  owner,
  githubApi,
  loadEvent,
  ...ports
}: ReporterParts): Readonly<Record<Channel, Reporter>> => ({
  event: late(loadEvent),
  notice: late(async () => {
    const { createNoticeReporter } = await import('./notice.ts')
    return createNoticeReporter(ports)
  }),
  github: late(async () => {
    const { createGithubReporter } = await import('./github.ts')
    const { createOpenGithub } = await import('../github/api.ts')
    const { createLogUrl } = await import('./log-url.ts')
    const [, region = '', stage = ''] = owner.split('/')
    const open = createOpenGithub({ ...ports, baseUrl: githubApi })
    return createGithubReporter({ open, toLogUrl: createLogUrl(region, stage) })
  }),
  sentry: late(async () => {
    const { createSentryReporter } = await import('./sentry-release.ts')
    return createSentryReporter(ports)
  }),
})
