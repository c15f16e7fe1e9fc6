import { CloudWatchClient } from '@aws-sdk/client-cloudwatch'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { EC2Client } from '@aws-sdk/client-ec2'
import { ECRClient } from '@aws-sdk/client-ecr'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createReadConcurrency } from '../../src/aws/account.ts'
import { createReadAlarms } from '../../src/aws/alarms.ts'
import { createEcrLogins } from '../../src/aws/ecr.ts'
import { createEventReporter } from '../../src/aws/events.ts'
import { createFleet } from '../../src/aws/fleet.ts'
import { createSecretReader } from '../../src/aws/secrets-manager.ts'
import { createCommands } from '../../src/aws/ssm-commands.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createJournalTable } from '../../src/journal/table.ts'
import { Denied } from '../../src/kernel/denied.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { appOf } from '../support/apps.ts'
import { commitAt } from '../support/examples.ts'
import {
  answersIn,
  passing,
  renderAnswers,
  told,
  type AnswerRow,
} from '../support/foreign-answers.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'
import { noticeOf, reportingApp } from '../support/reports.ts'

// Each answer is given to the client that Landfall calls with; docs/foreign-answers.md has what it made of it.

/** AWS's own text for a missing right names roles and accounts. */
const planted = 'User: arn:aws:sts::111122223333:assumed-role/planted is not authorized'
const sayWhy = (code: string): string =>
  /Denied|Unauthorized|Auth|OptIn|Client/.test(code) ? planted : 'AWS says why'

const takeThrown = (error: unknown): string => {
  if (error instanceof Retryable) return passing
  if (error instanceof Denied) return told('aws_denied', error.message)
  return 'a fault of Landfall: the run ends, its log has it'
}

let aws: TestAws
beforeAll(async () => {
  aws = await startTestAws({ instances: 1 })
})
afterAll(() => aws.stop())

const once = <Client>(
  Create: new (settings: TestAws['client'] & { maxAttempts: number }) => Client,
) => new Create({ ...aws.client, maxAttempts: 1 })

const instance = InstanceId.parse('i-00000001')

const fleet = () =>
  createFleet(
    () => once(EC2Client),
    () => once(SSMClient),
  )

const takeSend = async (): Promise<string> => {
  const parameters = { App: 'shop' }
  const command = { document: 'deploy', instances: [instance], parameters, comment: '' }
  const commands = createCommands(() => once(SSMClient))
  const sent = await commands.send({ ...command, deliverySeconds: 30 })
  if (sent.ok) return 'sent'
  const { kind, message } = sent.error
  if (kind === 'throttled') return passing
  return told(kind === 'invalid_instance' ? 'instance_offline' : 'send_failed', message)
}

const takeSecret = async (): Promise<string> => {
  const read = await createSecretReader(() => once(SecretsManagerClient))('shop', null)
  if (read.ok) return 'read'
  const { reason, message } = read.error
  return reason === 'secret_unavailable' ? passing : told(reason, message)
}

const takeEvent = async (): Promise<string> => {
  const report = createEventReporter(() => once(EventBridgeClient))
  const sent = await report(noticeOf('started'), reportingApp())
  return sent.kind === 'refused' ? told(null, sent.why) : passing
}

const clock = () => new Date('2026-11-20T12:00:00Z')

const takeToken = async (): Promise<string> => {
  const readLogin = createEcrLogins(clock, () => once(ECRClient))
  const given = await readLogin({ account: '111122223333', region: 'eu-west-3', isFips: false })
  if (given.ok) return 'given'
  const { reason, message } = given.error
  return reason === 'registry_unavailable' ? passing : told(reason, message)
}

const readNothing = (call: Promise<unknown>): Promise<string> => call.then(() => 'read', takeThrown)

const at = '2026-11-20T12:00:00.000Z'
const evidence = { kind: 'image', tag: commitAt(1), seenAt: at, origin: null } as const

/** Each service's call, and the errors of its reference that say something of their own. */
const services: readonly [string, () => Promise<string>, readonly [string, number][]][] = [
  [
    'EC2: DescribeInstances',
    () => readNothing(fleet().list({ kind: 'ids', ids: [instance] })),
    [
      ['UnauthorizedOperation', 403],
      ['AuthFailure', 401],
      ['OptInRequired', 401],
      ['RequestLimitExceeded', 503],
      ['RequestExpired', 400],
      ['Unavailable', 503],
      ['InvalidParameterValue', 400],
    ],
  ],
  [
    'Systems Manager: SendCommand',
    takeSend,
    [
      ['AccessDeniedException', 400],
      ['InvalidInstanceId', 400],
      ['InvalidDocument', 400],
      ['MaxDocumentSizeExceeded', 400],
      ['ThrottlingException', 400],
    ],
  ],
  [
    'Systems Manager: ListCommandInvocations',
    () => readNothing(createCommands(() => once(SSMClient)).invocations('some')),
    [
      ['AccessDeniedException', 400],
      ['UnrecognizedClientException', 400],
      ['ThrottlingException', 400],
      ['InternalServerError', 500],
    ],
  ],
  [
    'Secrets Manager: GetSecretValue',
    takeSecret,
    [
      ['AccessDeniedException', 400],
      ['DecryptionFailure', 400],
      ['InvalidRequestException', 400],
      ['ResourceNotFoundException', 400],
      ['InvalidParameterException', 400],
      ['ThrottlingException', 400],
      ['InternalServiceError', 500],
    ],
  ],
  [
    'Amazon ECR: GetAuthorizationToken',
    takeToken,
    [
      ['AccessDeniedException', 400],
      ['UnrecognizedClientException', 400],
      ['ThrottlingException', 400],
      ['ServerException', 500],
    ],
  ],
  [
    'CloudWatch: DescribeAlarms',
    () => readNothing(createReadAlarms(() => once(CloudWatchClient))(['5xx'])),
    [
      ['AccessDenied', 403],
      ['Throttling', 400],
      ['InternalServiceFault', 500],
    ],
  ],
  [
    'Lambda: GetAccountSettings',
    () => readNothing(createReadConcurrency(() => once(LambdaClient))()),
    [
      ['AccessDeniedException', 403],
      ['TooManyRequestsException', 429],
      ['ServiceException', 500],
    ],
  ],
  [
    'EventBridge: PutEvents',
    takeEvent,
    [
      ['AccessDeniedException', 400],
      ['ValidationException', 400],
      ['ThrottlingException', 400],
      ['InternalException', 500],
    ],
  ],
  [
    'DynamoDB: UpdateItem',
    () => {
      const table = createJournalTable('landfall', () => once(DynamoDBClient))
      const of = [appOf('shop').name, commitAt(1), commitAt(1)] as const
      return readNothing(createEvidenceJournal(table).recordEvidence(...of, evidence, at))
    },
    [
      ['AccessDeniedException', 400],
      ['ResourceNotFoundException', 400],
      ['ProvisionedThroughputExceededException', 400],
      ['InternalServerError', 500],
    ],
  ],
]

const takeAll = async (): Promise<readonly AnswerRow[]> => {
  const rows: AnswerRow[] = []
  for (const [service, take, codes] of services)
    for (const [code, statusCode] of codes) {
      const refusal = { kind: 'refuse', code, message: sayWhy(code), statusCode } as const
      aws.faults.onCall = ({ operation }) => (service.endsWith(`: ${operation}`) ? refusal : null)
      rows.push({ service, answer: `${code} (${statusCode})`, taken: await take() })
    }
  const refuseKey = `${planted}. Access to KMS is not allowed`
  aws.faults.onCall = () => ({
    kind: 'refuse',
    code: 'AccessDeniedException',
    message: refuseKey,
    statusCode: 400,
  })
  rows.push({
    service: 'Secrets Manager: GetSecretValue',
    answer: 'AccessDeniedException (400) that names KMS',
    taken: await takeSecret(),
  })
  return rows
}

test('docs/foreign-answers.md has what each refusal of AWS is taken for', async () => {
  const rows = await takeAll()
  expect(answersIn('AWS')).toEqual(renderAnswers(rows))
  expect(rows.filter(({ taken }) => taken.includes('111122223333'))).toEqual([])
})
