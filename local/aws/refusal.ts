import type { Caller } from './authenticate.ts'
import type { HttpAnswer, HttpRequest } from './http.ts'
import { toHeader } from './http.ts'
import { renderJsonError } from './json-protocol.ts'
import { isLambdaPath, renderLambdaError } from './lambda/api.ts'
import { AwsError } from './operation.ts'
import { isQueryVersion, queryServices, renderQueryError } from './query-protocol.ts'

type Because = Extract<Caller, { kind: 'refused' }>['because']

const words: Readonly<Record<Because, string>> = {
  no_key: 'The request is not signed with an access key.',
  unknown_key: 'The security token included in the request is invalid.',
  wrong_signature: 'The signature of the request is not the one that the access key gives.',
}

const jsonCodes: Readonly<Record<Because, string>> = {
  no_key: 'MissingAuthenticationTokenException',
  unknown_key: 'UnrecognizedClientException',
  wrong_signature: 'InvalidSignatureException',
}

const queryCodes: Readonly<Record<Because, string>> = {
  no_key: 'MissingAuthenticationToken',
  unknown_key: 'InvalidClientTokenId',
  wrong_signature: 'SignatureDoesNotMatch',
}

/** The answer to a request that no known key has signed, as the called service words it. */
export const renderRefusal = (request: HttpRequest, because: Because): HttpAnswer => {
  const target = toHeader(request.headers, 'x-amz-target')
  const json = (status: number) => new AwsError(jsonCodes[because], words[because], status)
  if (target === '' && isLambdaPath(request.path)) return renderLambdaError(json(403))
  const form = new URLSearchParams(request.body.toString('utf8'))
  const version = target === '' ? (form.get('Version') ?? '') : ''
  if (!isQueryVersion(version)) return renderJsonError(json(400), '1.0')
  const isEc2 = queryServices[version].service === 'ec2'
  const code = isEc2 ? 'AuthFailure' : queryCodes[because]
  return renderQueryError(new AwsError(code, words[because], isEc2 ? 401 : 403), version)
}
