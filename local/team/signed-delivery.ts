import { createHash, createHmac, randomUUID } from 'node:crypto'
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
  /** The commit's message. */
  readonly message?: string
}

const author = { name: 'Ada Lovelace', email: '4711+ada@users.noreply.github.com' }

/** GitHub numbers its repositories; here each name has its number. */
export const toRepositoryId = (name: string): number =>
  createHash('sha1').update(name).digest().readUInt32BE()

/** What GitHub sends when a workflow run has ended, with the fields that matter. */
export const toWorkflowRun = (run: CiRun): string => {
  const repository = { id: toRepositoryId(run.repository), full_name: run.repository }
  const { message = 'Add a page' } = run
  const id = 1_000_000 + run.runNumber
  return JSON.stringify({
    action: 'completed',
    workflow_run: {
      id,
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
      display_title: message.split('\n')[0],
      html_url: `https://github.com/${run.repository}/actions/runs/${id}`,
      head_commit: { id: run.commit, message, author },
    },
    workflow: { name: run.workflow, path: '.github/workflows/ci.yml' },
    repository,
  })
}

export interface CiWorkflow {
  /** `owner/name` */
  readonly repository: string
  readonly branch: string
  readonly workflow: string
  readonly commit: string
  /** Of the pipeline; a workflow that is started again keeps it. */
  readonly number: number
  /** How CircleCI reaches GitHub: by its OAuth app, the older way, or by its GitHub App. */
  readonly by: 'oauth' | 'github_app'
  readonly status?: 'success' | 'failed' | 'error' | 'canceled' | 'unauthorized'
  readonly createdAt?: Date
  /** A workflow that is started again is created later than its pipeline. */
  readonly pipelineCreatedAt?: Date
  /** The first line of the commit's message. */
  readonly subject?: string
}

const toCheckout = ({ by, repository, branch, commit, subject = 'Add a page' }: CiWorkflow) => {
  const url = `https://github.com/${repository}`
  const ref = `refs/heads/${branch}`
  return by === 'oauth'
    ? {
        trigger: { type: 'webhook' },
        vcs: {
          provider_name: 'github',
          origin_repository_url: url,
          target_repository_url: url,
          revision: commit,
          branch,
          commit: { subject, body: '', author },
        },
      }
    : {
        trigger: { type: 'github_app' },
        trigger_parameters: {
          circleci: { event_type: 'push', trigger_type: 'github_app' },
          git: { tag: '', checkout_sha: commit, ref, branch, checkout_url: `${url}.git` },
        },
      }
}

/** What CircleCI sends when a workflow has ended, with the fields that matter. */
export const toWorkflowCompleted = (run: CiWorkflow): string => {
  const created = run.createdAt ?? new Date()
  const id = randomUUID()
  return JSON.stringify({
    type: 'workflow-completed',
    id: randomUUID(),
    happened_at: new Date().toISOString(),
    webhook: { id: randomUUID(), name: 'landfall' },
    pipeline: {
      id: `pipeline-${run.number}`,
      number: run.number,
      created_at: (run.pipelineCreatedAt ?? created).toISOString(),
      ...toCheckout(run),
    },
    workflow: {
      id,
      name: run.workflow,
      status: run.status ?? 'success',
      created_at: created.toISOString(),
      url: `https://app.circleci.com/pipelines/github/${run.repository}/${run.number}/workflows/${id}`,
    },
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

/** Sends a delivery as CircleCI does, signed with the webhook's secret. */
export const sendToCircleciHook = (
  api: string,
  secret: string,
  body: string,
): Promise<HookAnswer> =>
  post(`${api}/hooks/circleci`, body, {
    'user-agent': 'CircleCI-Webhook/1.0',
    'circleci-event-type': 'workflow-completed',
    'circleci-signature': `v1=${createHmac('sha256', secret).update(body).digest('hex')}`,
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
