import type * as z from 'zod'
import type { ApiRequest, Ask } from '../api/client.ts'
import { refused, type ForeignFailure } from '../kernel/foreign.ts'
import { parseJson } from '../kernel/json.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import {
  GithubDeployments,
  GithubStatuses,
  type GithubDeployment,
  type GithubStatus,
} from './github-deployment.ts'

export type Failing<Value> = Promise<Result<Value, ForeignFailure>>

/** GitHub about one app's repository, and answers in the shape that is asked for. */
export interface Repository {
  read<Schema extends z.ZodType>(schema: Schema, request: ApiRequest): Failing<z.output<Schema>>
  post(path: string, body: unknown): Failing<null>
}

export const createRepository = (ask: Ask): Repository => ({
  read: async (schema, request) => {
    const answered = await ask(request)
    if (!answered.ok) return answered
    // 202 is "merged instead", and carries no deployment either.
    const value = parseJson(schema, answered.value.body)
    if (value === null)
      return fail(refused(`GitHub answered ${answered.value.status} with something unexpected`))
    return succeed(value)
  },
  post: async (path, body) => {
    const answered = await ask({ method: 'POST', path, body })
    return answered.ok ? succeed(null) : answered
  },
})

export const listStatuses = (
  repository: Repository,
  id: number,
): Failing<readonly GithubStatus[]> =>
  repository.read(GithubStatuses, {
    method: 'GET',
    path: `/deployments/${id}/statuses?per_page=100`,
  })

export const listDeployments = (
  repository: Repository,
  query: Readonly<Record<string, string>>,
): Failing<readonly GithubDeployment[]> =>
  repository.read(GithubDeployments, {
    method: 'GET',
    path: `/deployments?${new URLSearchParams(query).toString()}`,
  })
