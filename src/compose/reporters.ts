import type { Channel } from '../deployment/report.ts'
import { systemClock } from '../kernel/clock.ts'
import { http } from '../kernel/http.ts'
import type { Reporter } from '../report/reporter.ts'
import type { ReadCurrentSecret } from '../secrets/named-secret.ts'

interface ReporterParts {
  readonly readSecret: ReadCurrentSecret
  /** Of the stack, for a link to its log. */
  readonly region: string
  readonly stage: string
  readonly githubApi: URL
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

/** Who tells what happened, by channel; of GitHub's, notice's and Sentry's secrets `reports` of landfall.yml has the names. */
export const createReporters = ({
  readSecret,
  region,
  stage,
  githubApi,
}: ReporterParts): Readonly<Record<Channel, Reporter>> => {
  const ports = { http, readSecret, clock: systemClock }
  return {
    event: late(async () => {
      const { createEventReporter } = await import('../aws/events.ts')
      return createEventReporter()
    }),
    notice: late(async () => {
      const { createNoticeReporter } = await import('../report/notice.ts')
      return createNoticeReporter(ports)
    }),
    github: late(async () => {
      const { createGithubReporter } = await import('../report/github.ts')
      const { createOpenGithub } = await import('../github/api.ts')
      const { createLogUrl } = await import('../report/log-url.ts')
      const open = createOpenGithub({ ...ports, baseUrl: githubApi })
      return createGithubReporter({ open, toLogUrl: createLogUrl(region, stage) })
    }),
    sentry: late(async () => {
      const { createSentryReporter } = await import('../report/sentry-release.ts')
      return createSentryReporter(ports)
    }),
  }
}
