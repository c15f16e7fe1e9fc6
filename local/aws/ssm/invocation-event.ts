import type { Account } from '../account.ts'
import { toArn } from '../account.ts'
import type { EventFacts } from '../event-bus.ts'
import type { Command, Invocation } from './command.ts'

/** Has no output, response code or parameter: a receiver asks for them by GetCommandInvocation. */
export const toInvocationEvent = (
  account: Account,
  command: Command,
  invocation: Invocation,
): EventFacts => ({
  'detail-type': 'EC2 Command Invocation Status-change Notification',
  source: 'aws.ssm',
  resources: [toArn(account, 'ec2', `instance/${invocation.instanceId}`)],
  detail: {
    'command-id': command.id,
    'document-name': command.documentName,
    'instance-id': invocation.instanceId,
    'requested-date-time': command.requestedAt,
    status: invocation.status,
  },
})
