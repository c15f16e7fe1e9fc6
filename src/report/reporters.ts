import type { Channel } from '../deployment/notice.ts'
import type { createGithubReporter } from './github.ts'
import type { Reporter, ReporterPorts } from './reporter.ts'

/**
 * Loads the reporter for the first notice and keeps it with its tokens, so that no cold start pays for
 * it. After a failed load the next notice tries again.
 */
export const createLazyReporter = (load: () => Promise<Reporter>): Reporter => {
  let loading: Promise<Reporter> | null = null
  return async (notice, app) => {
    loading ??= load().catch((error: unknown) => {
      loading = null
      throw error
    })
    const report = await loading
    return report(notice, app)
  }
}

/** A reporter for each channel; `reports` of landfall.yml names the secrets of GitHub, notice and Sentry. */
export const createReporters = ({
  owner,
  githubApi,
  loadEvent,
  loadRepository,
  ...ports
}: ReporterPorts & {
  /** `<account>/<region>/<stage>`, for a link to the log. */
  readonly owner: string
  readonly githubApi: URL
  readonly loadRepository: Parameters<typeof createGithubReporter>[1]
  /** Loads the reporter of the channel `event`, which AWS implements. */
  readonly loadEvent: () => Promise<Reporter>
}): Readonly<Record<Channel, Reporter>> => ({
  event: createLazyReporter(loadEvent),
  notice: createLazyReporter(async () => {
    const { createNoticeReporter } = await import('./notice.ts')
    return createNoticeReporter(ports)
  }),
  github: createLazyReporter(async () => {
    const github = await import('./github.ts')
    const { createOpenGithub } = await import('../github/api.ts')
    const { createLogUrl } = await import('./log-url.ts')
    const [, region = '', stage = ''] = owner.split('/')
    const open = createOpenGithub({ ...ports, baseUrl: githubApi })
    return github.createGithubReporter(open, loadRepository, createLogUrl(region, stage))
  }),
  sentry: createLazyReporter(async () => {
    const { createSentryReporter } = await import('./sentry-release.ts')
    return createSentryReporter(ports)
  }),
})
