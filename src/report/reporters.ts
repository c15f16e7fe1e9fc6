import type { Channel } from '../deployment/notice.ts'
import { createOpenGithub } from '../github/api.ts'
import { createGithubReporter } from './github.ts'
import { createLogUrl } from './log-url.ts'
import { createNoticeReporter } from './notice.ts'
import type { Reporter, ReporterPorts } from './reporter.ts'
import { createSentryReporter } from './sentry-release.ts'

/** A reporter for each channel; `reports` of landfall.yml names the secrets of GitHub, notice and Sentry. */
export const createReporters = ({
  owner,
  githubApi,
  event,
  loadRepository,
  ...ports
}: ReporterPorts & {
  /** `<account>/<region>/<stage>`, for a link to the log. */
  readonly owner: string
  readonly githubApi: URL
  readonly loadRepository: Parameters<typeof createGithubReporter>[1]
  /** The reporter of the channel `event`, which AWS implements. */
  readonly event: Reporter
}): Readonly<Record<Channel, Reporter>> => {
  const [, region = '', stage = ''] = owner.split('/')
  const open = createOpenGithub({ ...ports, baseUrl: githubApi })
  return {
    event,
    notice: createNoticeReporter(ports),
    github: createGithubReporter(open, loadRepository, createLogUrl(region, stage)),
    sentry: createSentryReporter(ports),
  }
}
