import type { App } from '../deployment/app.ts'
import type { NoticeDeployment } from '../deployment/notice.ts'

/** The fragment of a CloudWatch page is percent-encoded, with `$` for `%`; the values in it twice. */
const encodeFragment = (text: string): string => encodeURIComponent(text).replaceAll('%', '$')

/**
 * The CloudWatch Logs page with the log lines of `reconcile` about one deployment. The address contains the
 * region, stage, app and number and nothing of the account; the page requires a sign-in to it.
 */
export const createLogUrl =
  (region: string, stage: string) =>
  ({ name }: Pick<App, 'name'>, { generation }: Pick<NoticeDeployment, 'generation'>): string => {
    const consoles = { 'cn-': 'console.amazonaws.cn', 'us-gov-': 'console.amazonaws-us-gov.com' }
    const host = Object.entries(consoles).find(([prefix]) => region.startsWith(prefix))?.[1]
    const [group = '', pattern = ''] = [
      `/aws/lambda/landfall-${stage}-reconcile`,
      `{ $.app = "${name}" && $.generation = ${generation} }`,
    ].map((value) => encodeFragment(encodeURIComponent(value)))
    const view = `log-events${encodeFragment('?filterPattern=')}${pattern}`
    return `https://${host ?? 'console.aws.amazon.com'}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${group}/${view}`
  }
