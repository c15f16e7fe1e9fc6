import { createHmac, randomUUID } from 'node:crypto'
import * as z from 'zod'

export interface CiRun {
  /** `owner/name` */
  readonly repository: string
  readonly branch: string
  readonly workflow: string
  readonly commit: string
  readonly runNumber: number
  readonly conclusion?: 'success' | 'failure'
  readonly createdAt?: Date
}

/** What GitHub sends when a workflow run has ended, with the fields that matter. */
export const toWorkflowRun = (run: CiRun): string => {
  const repository = { id: 4711, full_name: run.repository }
  return JSON.stringify({
    action: 'completed',
    workflow_run: {
      id: 1_000_000 + run.runNumber,
      name: run.workflow,
      path: '.github/workflows/ci.yml',
      event: 'push',
      status: 'completed',
      conclusion: run.conclusion ?? 'success',
      head_branch: run.branch,
      head_sha: run.commit,
      run_number: run.runNumber,
      run_attempt: 1,
      created_at: (run.createdAt ?? new Date()).toISOString(),
      head_repository: repository,
    },
    workflow: { name: run.workflow, path: '.github/workflows/ci.yml' },
    repository,
  })
}

const Answer = z.object({ outcome: z.string(), reason: z.string() })

export interface HookAnswer extends z.infer<typeof Answer> {
  readonly status: number
}

const post = async (
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<HookAnswer> => {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, ...Answer.parse(await response.json()) }
}

/** Sends a delivery as GitHub does, signed with the webhook's secret. */
export const sendToGithubHook = (
  api: string,
  secret: string,
  event: string,
  body: string,
): Promise<HookAnswer> =>
  post(`${api}/hooks/github`, body, {
    'x-github-event': event,
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  })

/** Sends what Docker Hub sends after a push: nothing is signed, the path holds the app's token. */
export const sendToDockerHubHook = (
  api: string,
  secret: string,
  app: string,
  repository: string,
  tag: string,
): Promise<HookAnswer> => {
  const token = createHmac('sha256', secret).update(`docker-hub:${app}`).digest('hex')
  const body = {
    push_data: { pushed_at: Math.floor(Date.now() / 1000), pusher: 'ci', tag },
    repository: { repo_name: repository },
  }
  return post(`${api}/hooks/docker-hub/${app}/${token}`, JSON.stringify(body), {})
}
