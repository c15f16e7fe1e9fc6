import type { HttpAnswer, HttpRequest } from '../http.ts'
import { toHeader } from '../http.ts'
import { parseJsonInput, renderJsonError } from '../json-protocol.ts'
import { renderLambdaError, toLambdaCall } from '../lambda/api.ts'
import { AwsError } from '../operation.ts'
import { isQueryVersion, renderQueryError } from '../query-protocol.ts'
import { parseQueryInput } from '../query-input.ts'
import type { Authorizer } from './authorizer.ts'
import type { FunctionPrincipal } from './role.ts'

interface Call {
  readonly service: string
  readonly operation: string
}

const isJson = ({ headers }: HttpRequest): boolean => toHeader(headers, 'x-amz-target') !== ''

const toForm = ({ body }: HttpRequest): URLSearchParams =>
  new URLSearchParams(body.toString('utf8'))

const toInput = (call: Call, request: HttpRequest): unknown => {
  if (isJson(request)) return parseJsonInput(request.body)
  if (call.service === 'lambda') return toLambdaCall(request.url)
  return parseQueryInput(toForm(request))
}

/** In the words of the called service's protocol. */
export const renderCallError = (
  call: Pick<Call, 'service'>,
  request: HttpRequest,
  error: AwsError,
): HttpAnswer => {
  if (call.service === 'lambda') return renderLambdaError(error)
  const version = isJson(request) ? '' : (toForm(request).get('Version') ?? '')
  return isQueryVersion(version) ? renderQueryError(error, version) : renderJsonError(error, '1.0')
}

/** The answer to a function's call that its role does not allow; null where the call may go on. */
export const refuseCall = (
  authorizer: Authorizer,
  principal: FunctionPrincipal,
  call: Call,
  request: HttpRequest,
): HttpAnswer | null => {
  try {
    authorizer.authorize(principal, call.service, call.operation, toInput(call, request))
    return null
  } catch (error) {
    if (error instanceof AwsError) return renderCallError(call, request, error)
    throw error
  }
}
