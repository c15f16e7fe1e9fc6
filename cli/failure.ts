import { toPlainLine } from '../src/kernel/plain-line.ts'
import type { Context } from './context.ts'
import { CommandError, exitCodes } from './exit.ts'

/** What was called: `lambda:InvokeFunction` on `landfall-prod-status`. */
export interface AwsCall {
  readonly action: string
  readonly on: string
}

interface Thrown {
  readonly name: string
  readonly code: string
  readonly message: string
  /** The names and codes of its causes too. */
  readonly all: string
}

const fieldOf = (error: unknown, field: string): unknown =>
  typeof error === 'object' && error !== null ? Reflect.get(error, field) : undefined

const textOf = (error: unknown, field: string): string => {
  const value = fieldOf(error, field)
  return typeof value === 'string' ? value : ''
}

const listCauses = (error: unknown, depth = 0): readonly unknown[] => {
  if (typeof error !== 'object' || error === null || depth > 5) return []
  const errors: unknown = fieldOf(error, 'errors')
  const several: readonly unknown[] = Array.isArray(errors) ? errors : []
  const below = [fieldOf(error, 'cause'), ...several]
  return [error, ...below.flatMap((one) => listCauses(one, depth + 1))]
}

const toThrown = (error: unknown): Thrown => ({
  name: textOf(error, 'name'),
  code: textOf(error, 'code'),
  message: toPlainLine(textOf(error, 'message'), 300),
  all: listCauses(error)
    .map((one) => `${textOf(one, 'name')} ${textOf(one, 'code')} ${textOf(one, 'message')}`)
    .join(' '),
})

/** Functions that `LookPolicy` allows; each other one needs `OperatorPolicy`. */
const lookFunctions = new Set(['status', 'plan', 'logs'])

const explainDenied = ({ action, on }: AwsCall, { stage }: Context): readonly string[] => {
  const first = `AWS does not allow you ${action} on ${on}`
  if (action === 'secretsmanager:GetSecretValue' || action.startsWith('secretsmanager:'))
    return [first, 'what `landfall config` needs stands in docs/cli.md#settings-and-secrets']
  if (!action.startsWith('lambda:')) return [first]
  const name = on.replace(`landfall-${stage}-`, '')
  const policy = lookFunctions.has(name) ? 'LookPolicy or OperatorPolicy' : 'OperatorPolicy'
  return [first, `attach ${policy}, which the outputs of the stack landfall-${stage} name`]
}

const login = (profile: string | undefined): string =>
  `aws sso login${profile === undefined ? '' : ` --profile ${profile}`}`

const networkTrouble =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE|TimeoutError)\b/

const hasName = (names: readonly string[], { name }: Thrown): boolean => names.includes(name)

const expired = ['ExpiredTokenException', 'ExpiredToken', 'TokenRefreshRequired']
const unknownKey = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
]
const denied = ['AccessDeniedException', 'AccessDenied']
const throttled = ['TooManyRequestsException', 'ThrottlingException', 'Throttling']

/** Of the credentials: what to do, or null where the call was signed and sent. */
const explainCredentials = (thrown: Thrown, { profile }: Context): readonly string[] | null => {
  if (/\bsso\b/i.test(thrown.all) && /expired|invalid|login/i.test(thrown.all))
    return ['the AWS session has expired', login(profile)]
  if (hasName(expired, thrown))
    return ['the AWS credentials have expired', `renew them: ${login(profile)}`]
  if (hasName(unknownKey, thrown))
    return [
      'AWS does not know these credentials',
      'aws sts get-caller-identity says whose they are',
    ]
  if (thrown.name !== 'CredentialsProviderError') return null
  const what =
    profile === undefined
      ? 'no AWS credentials were found'
      : `the profile ${toPlainLine(profile, 80)} gives no AWS credentials`
  return [what, 'name a profile by --profile or AWS_PROFILE, or run: aws configure']
}

/** One clear line of what AWS refused, and one of what to do. */
export const toCommandError = (error: unknown, call: AwsCall, context: Context): CommandError => {
  if (error instanceof CommandError) return error
  const thrown = toThrown(error)
  const credentials = explainCredentials(thrown, context)
  const fail = (lines: readonly string[], isPassing = false): CommandError =>
    new CommandError(exitCodes.aws, lines, isPassing)
  if (credentials !== null) return fail(credentials)
  if (hasName(denied, thrown)) return fail(explainDenied(call, context))
  if (thrown.name === 'ResourceNotFoundException')
    return fail([
      `${call.on} does not exist in ${context.region}`,
      `is it another stage or region? ${context.origin}`,
    ])
  if (hasName(throttled, thrown))
    return fail(['AWS takes no more calls at the moment', 'try again in some seconds'], true)
  if (networkTrouble.test(thrown.all))
    return fail(
      [`AWS cannot be reached in ${context.region}`, 'is the network there, and the region right?'],
      true,
    )
  return fail([`${call.action} on ${call.on} failed: ${thrown.name}: ${thrown.message}`])
}
