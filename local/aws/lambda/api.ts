import { toArn, type Account } from '../account.ts'
import { toHeader, type HttpAnswer, type HttpRequest } from '../http.ts'
import { AwsError } from '../operation.ts'
import type { LambdaFunction } from './function.ts'
import type { Runner } from './runner.ts'

const maxBytes = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024, DryRun: 6 * 1024 * 1024 }

type InvocationType = keyof typeof maxBytes

const isInvocationType = (text: string): text is InvocationType => Object.hasOwn(maxBytes, text)

const toAnswer = (
  statusCode: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body,
})

export const renderLambdaError = (error: AwsError): HttpAnswer =>
  toAnswer(error.statusCode, JSON.stringify({ Type: 'User', Message: error.message }), {
    'x-amzn-errortype': error.code,
  })

const parsePayload = (body: Buffer, type: InvocationType): string => {
  if (body.length > maxBytes[type])
    throw new AwsError('RequestTooLargeException', 'The payload is too large.', 413)
  const text = body.length === 0 ? '{}' : body.toString('utf8')
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json.')
  }
}

const invoke = async (
  runner: Runner,
  { name }: LambdaFunction,
  request: HttpRequest,
): Promise<HttpAnswer> => {
  const type = toHeader(request.headers, 'x-amz-invocation-type') || 'RequestResponse'
  if (!isInvocationType(type))
    throw new AwsError('InvalidParameterValueException', 'Unknown invocation type.')
  const payload = parsePayload(request.body, type)
  if (type === 'DryRun') return toAnswer(204, '')
  if (type === 'Event') {
    runner.invokeAsync(name, JSON.parse(payload))
    return toAnswer(202, '')
  }
  const result = await runner.invoke(name, payload)
  const wantsTail = toHeader(request.headers, 'x-amz-log-type') === 'Tail'
  return toAnswer(200, result.payload, {
    'x-amz-executed-version': '$LATEST',
    ...(result.functionError === null ? {} : { 'x-amz-function-error': result.functionError }),
    ...(wantsTail
      ? { 'x-amz-log-result': Buffer.from(result.log.slice(-4096)).toString('base64') }
      : {}),
  })
}

const describe = (account: Account, spec: LambdaFunction) => ({
  FunctionName: spec.name,
  FunctionArn: toArn(account, 'lambda', `function:${spec.name}`),
  Runtime: 'nodejs24.x',
  Handler: spec.handler,
  Timeout: spec.timeoutSeconds,
  MemorySize: spec.memoryMegabytes,
  State: 'Active',
  LastUpdateStatus: 'Successful',
  PackageType: 'Zip',
  Architectures: ['arm64'],
  Version: '$LATEST',
})

export interface LambdaCall {
  readonly operation: 'Invoke' | 'GetFunction' | 'GetAccountSettings'
  readonly name: string
  /** Of a version or an alias, which are resources of their own to IAM. */
  readonly qualifier: string | null
}

/** Of the API of 2015-03-31, and of the one of 2016-08-19, which tells of the account. */
export const isLambdaPath = (path: string): boolean => /^\/(2015-03-31|2016-08-19)\//.test(path)

/**
 * What `/2015-03-31/functions/NAME/invocations` asks for, and what every other path of a function does. NAME is
 * `name`, `name:qualifier`, or an ARN of either.
 */
export const toLambdaCall = (url: string): LambdaCall => {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  if (/^\/2016-08-19\/account-settings\/?$/.test(pathname))
    return { operation: 'GetAccountSettings', name: '', qualifier: null }
  const [, , , named = '', ...action] = pathname.split('/')
  const last = decodeURIComponent(named).split(':function:').at(-1) ?? ''
  const [name = '', qualifier = searchParams.get('Qualifier')] = last.split(':')
  const isInvocation = action.length === 1 && action[0] === 'invocations'
  return { operation: isInvocation ? 'Invoke' : 'GetFunction', name, qualifier }
}

/** What an account has that is not new; nothing here is reserved. */
const accountSettings = {
  AccountLimit: {
    TotalCodeSize: 80_530_636_800,
    CodeSizeUnzipped: 262_144_000,
    CodeSizeZipped: 52_428_800,
    ConcurrentExecutions: 1000,
    UnreservedConcurrentExecutions: 1000,
  },
}

/** Invoke, GetFunction and GetAccountSettings of the REST API. */
export const createLambdaApi =
  (account: Account, runner: Runner) =>
  async (request: HttpRequest): Promise<HttpAnswer> => {
    const { operation, name } = toLambdaCall(request.url)
    try {
      if (operation === 'GetAccountSettings') return toAnswer(200, JSON.stringify(accountSettings))
      const spec = runner.find(name)
      if (!spec)
        throw new AwsError(
          'ResourceNotFoundException',
          `Function not found: ${toArn(account, 'lambda', `function:${name}`)}`,
          404,
        )
      if (operation === 'Invoke') return await invoke(runner, spec, request)
      return toAnswer(200, JSON.stringify({ Configuration: describe(account, spec), Tags: {} }))
    } catch (error) {
      if (error instanceof AwsError) return renderLambdaError(error)
      throw error
    }
  }
