import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { refuseForeign } from '../base/listen.ts'
import { authenticate } from './authenticate.ts'
import type { Credentials, Principal } from './credentials.ts'
import type { DynamoDb } from './dynamodb.ts'
import type { CallFault, Faults } from './faults.ts'
import type { Authorizer } from './iam/authorizer.ts'
import { refuseCall, renderCallError } from './iam/refuse-call.ts'
import { isLambdaPath, toLambdaCall } from './lambda/api.ts'
import { readRequest, toHeader, type HttpAnswer, type HttpRequest } from './http.ts'
import { parseJsonInput, renderJson, renderJsonError } from './json-protocol.ts'
import { AwsError, type Operations } from './operation.ts'
import {
  isQueryVersion,
  queryServices,
  renderQuery,
  renderQueryError,
  type QueryVersion,
} from './query-protocol.ts'
import { parseQueryInput } from './query-input.ts'
import { renderRefusal } from './refusal.ts'

export type ServiceName = 'ecr' | 'ssm' | 'secretsmanager' | 'events' | 'monitoring' | 'ec2' | 'sts'

export interface EndpointParts {
  readonly credentials: Credentials
  readonly authorizer: Authorizer
  readonly services: Readonly<Record<ServiceName, Operations>>
  readonly dynamodb: DynamoDb
  readonly lambda: (request: HttpRequest) => Promise<HttpAnswer>
  readonly faults: Faults
  /** Takes the name of each call that its client sends again. */
  readonly repeats: string[]
}

/** The first half of `X-Amz-Target`, and the version of JSON it comes with. */
const targets: Readonly<Record<string, { service: ServiceName; json: '1.0' | '1.1' }>> = {
  AmazonEC2ContainerRegistry_V20150921: { service: 'ecr', json: '1.1' },
  AmazonSSM: { service: 'ssm', json: '1.1' },
  secretsmanager: { service: 'secretsmanager', json: '1.1' },
  AWSEvents: { service: 'events', json: '1.1' },
  GraniteServiceVersion20100801: { service: 'monitoring', json: '1.0' },
}

const toAwsError = (error: unknown): AwsError =>
  error instanceof AwsError
    ? error
    : new AwsError('InternalFailure', error instanceof Error ? error.message : String(error), 500)

const run = async (
  operations: Operations,
  name: string,
  input: unknown,
  caller: Principal,
): Promise<unknown> => {
  const act = operations[name]
  if (!act)
    throw new AwsError('UnknownOperationException', `The local stack does not know ${name}.`)
  return act(input, caller)
}

const answerJson = async (
  parts: EndpointParts,
  target: string,
  request: HttpRequest,
  caller: Principal,
): Promise<HttpAnswer> => {
  const [prefix = '', name = ''] = target.split('.')
  const known = targets[prefix]
  const version = known?.json ?? '1.1'
  try {
    if (!known)
      throw new AwsError('UnknownOperationException', `The local stack does not know ${target}.`)
    const input = parseJsonInput(request.body)
    return renderJson(await run(parts.services[known.service], name, input, caller), version)
  } catch (error) {
    return renderJsonError(toAwsError(error), version)
  }
}

const answerQuery = async (
  parts: EndpointParts,
  version: QueryVersion,
  form: URLSearchParams,
  caller: Principal,
): Promise<HttpAnswer> => {
  const action = form.get('Action') ?? ''
  try {
    const operations = parts.services[queryServices[version].service]
    const output = await run(operations, action, parseQueryInput(form), caller)
    return renderQuery(action, version, output)
  } catch (error) {
    return renderQueryError(toAwsError(error), version)
  }
}

const answer = async (
  parts: EndpointParts,
  request: HttpRequest,
  caller: Principal,
): Promise<HttpAnswer> => {
  const target = toHeader(request.headers, 'x-amz-target')
  if (target !== '') return answerJson(parts, target, request, caller)
  if (isLambdaPath(request.path)) return parts.lambda(request)
  const form = new URLSearchParams(request.body.toString('utf8'))
  const version = form.get('Version') ?? ''
  if (isQueryVersion(version)) return answerQuery(parts, version, form, caller)
  return renderJsonError(new AwsError('UnknownOperationException', 'Unknown request.', 404), '1.1')
}

/** `ssm SendCommand` */
const toCall = (request: HttpRequest): { service: string; operation: string } => {
  const [prefix = '', operation = ''] = toHeader(request.headers, 'x-amz-target').split('.')
  if (prefix.startsWith('DynamoDB_')) return { service: 'dynamodb', operation }
  const known = targets[prefix]
  if (known) return { service: known.service, operation }
  if (isLambdaPath(request.path))
    return { service: 'lambda', operation: toLambdaCall(request.url).operation }
  const scope = /Credential=[^/]*\/\d*\/[^/]*\/([^/]*)\//.exec(request.headers.authorization ?? '')
  const form = new URLSearchParams(request.body.toString('utf8'))
  return { service: scope?.[1] ?? '', operation: form.get('Action') ?? '' }
}

/** The SDK counts its attempts in a header: `attempt=2; max=3`. */
const isRepeated = ({ headers }: HttpRequest): boolean =>
  /^attempt=(?!1;)/.test(toHeader(headers, 'amz-sdk-request'))

const send = (response: ServerResponse, { statusCode, headers, body }: HttpAnswer): void => {
  response.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const loseAnswer = (response: ServerResponse): void => {
  response.end = () => response.destroy()
}

/** Whether the call may go on. */
const applyFault = async (
  fault: CallFault | null,
  service: string,
  request: HttpRequest,
  response: ServerResponse,
): Promise<boolean> => {
  if (fault === null) return true
  if (fault.kind === 'delay')
    await new Promise((resolve) => setTimeout(resolve, fault.milliseconds))
  if (fault.kind === 'lose_answer') loseAnswer(response)
  if (fault.kind === 'answer') {
    send(response, renderJson(fault.body, '1.1'))
    return false
  }
  if (fault.kind !== 'refuse') return true
  const error = new AwsError(fault.code, fault.message, fault.statusCode)
  send(response, renderCallError({ service }, request, error))
  return false
}

const serve = async (
  parts: EndpointParts,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const request = await readRequest(incoming)
  const caller = await authenticate(parts.credentials, request)
  if (caller.kind === 'refused') return send(response, renderRefusal(request, caller.because))
  const call = toCall(request)
  const { principal } = caller
  if (isRepeated(request)) {
    const by = principal.kind === 'function' ? principal.functionName : principal.kind
    parts.repeats.push(`${by} ${call.service} ${call.operation}`)
  }
  const refusal =
    principal.kind === 'function' ? refuseCall(parts.authorizer, principal, call, request) : null
  if (refusal !== null) return send(response, refusal)
  const fault = parts.faults.onCall(call)
  if (!(await applyFault(fault, call.service, request, response))) return
  if (call.service === 'dynamodb' && call.operation !== '') {
    parts.dynamodb.handle(request, response)
    return
  }
  send(response, await answer(parts, request, principal))
}

/** One HTTP server for all of AWS, told apart by target header, path and form version. */
export const createEndpoint = (parts: EndpointParts): Server => {
  const server = createServer((request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  // SDK clients keep connections open; Node's 5 s would close one under a request.
  server.keepAliveTimeout = 120_000
  return refuseForeign(server)
}
