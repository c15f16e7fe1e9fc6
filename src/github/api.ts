import { fromHttpFailure, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http, HttpRequest, HttpResponse } from '../kernel/http.ts'
import { fail, type Result } from '../kernel/result.ts'
import { judgeGithub } from './answer.ts'
import { createGithubTokens, githubHeaders, toGithubUrl, type GithubPorts } from './token.ts'

export interface GithubRequest {
  readonly method: 'GET' | 'POST'
  /** Below `/repos/{owner}/{name}`: `/deployments?task=deploy`. */
  readonly path: string
  readonly body?: unknown
}

/** Asks GitHub about one repository, in the name that a secret holds. */
export type AskGithub = (
  secret: string,
  repository: string,
  request: GithubRequest,
  http?: Http,
) => Promise<Result<HttpResponse, ForeignFailure>>

const maxBodyBytes = 4 * 1024 * 1024

const toHttpRequest = (
  baseUrl: URL,
  repository: string,
  { method, path, body }: GithubRequest,
): HttpRequest => ({
  method,
  url: toGithubUrl(baseUrl, `/repos/${repository}${path}`),
  headers: {
    ...githubHeaders,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  },
  ...(body !== undefined && { body: JSON.stringify(body) }),
  maxBodyBytes,
})

/** GitHub's REST API. A token that is not accepted is forgotten, and another one tried once. */
export const createGithubApi = (ports: GithubPorts): AskGithub => {
  const tokens = createGithubTokens(ports)
  return async (secret, repository, request, http = ports.http) => {
    const order = toHttpRequest(ports.baseUrl, repository, request)
    const ask = async (isLast: boolean): Promise<Result<HttpResponse, ForeignFailure>> => {
      const authorization = await tokens.authorize(secret, repository, http)
      if (!authorization.ok) return authorization
      const answered = await http({ ...order, authorization: authorization.value })
      if (!answered.ok) return fail(fromHttpFailure(answered.error))
      if (answered.value.status === 401) tokens.forget(secret, repository)
      if (answered.value.status === 401 && !isLast) return ask(true)
      return judgeGithub(order.url.host, answered.value, ports.clock())
    }
    return ask(false)
  }
}
