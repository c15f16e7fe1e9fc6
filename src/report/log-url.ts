import type { App } from '../deployment/app.ts'
import type { NoticeDeployment } from '../deployment/notice.ts'

const consoles: readonly (readonly [prefix: string, host: string])[] = [
  ['cn-', 'console.amazonaws.cn'],
  ['us-gov-', 'console.amazonaws-us-gov.com'],
]

/** The fragment of CloudWatch's pages: what is encoded twice, with `$` for `%`. */
const encodeFragment = (text: string): string => encodeURIComponent(text).replaceAll('%', '$')
const encodeTwice = (text: string): string => encodeFragment(encodeURIComponent(text))

/**
 * The page of CloudWatch Logs with what `reconcile` wrote about one deployment. It tells region, stage,
 * app and number, nothing of the account; only who can sign in to the account sees more.
 */
export const createLogUrl =
  (region: string, stage: string) =>
  ({ name }: App, { generation }: NoticeDeployment): string => {
    const host = consoles.find(([prefix]) => region.startsWith(prefix))?.[1]
    const group = encodeTwice(`/aws/lambda/landfall-${stage}-reconcile`)
    const pattern = encodeTwice(`{ $.app = "${name}" && $.generation = ${generation} }`)
    const view = `log-events${encodeFragment('?filterPattern=')}${pattern}`
    return `https://${host ?? 'console.aws.amazon.com'}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${group}/${view}`
  }
