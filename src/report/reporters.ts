import type { Channel } from '../deployment/notice.ts'
import { createOpenGithub } from '../github/api.ts'
import { createGithubReporter } from './github.ts'
import { createNoticeReporter } from './notice.ts'
import { createPageUrl } from './page-url.ts'
import type { Reporter, ReporterPorts } from './reporter.ts'
import { createSentryReporter } from './sentry-release.ts'

/** A reporter for each channel; `reports` of landfall.yml names the secrets of GitHub, notice and Sentry. */
export const createReporters = ({
  apiUrl,
  githubApi,
  event,
  loadRepository,
  ...ports
}: ReporterPorts & {
  /** Of the HTTP API, for links to the page. */
  readonly apiUrl: string
  readonly githubApi: URL
  readonly loadRepository: Parameters<typeof createGithubReporter>[1]
  /** The reporter of the channel `event`, which AWS implements. */
  readonly event: Reporter
}): Readonly<Record<Channel, Reporter>> => {
  const toPageUrl = createPageUrl(apiUrl)
  const open = createOpenGithub({ ...ports, baseUrl: githubApi })
  return {
    event,
    notice: createNoticeReporter(ports, toPageUrl),
    github: createGithubReporter(open, loadRepository, toPageUrl),
    sentry: createSentryReporter(ports),
  }
}
