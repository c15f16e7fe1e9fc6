import * as z from 'zod'
import type { Ask } from '../api/client.ts'
import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment } from '../deployment/notice.ts'
import { nameAtGithub, type KnownRepository } from '../deployment/repository.ts'
import type { OpenGithub } from '../github/api.ts'
import { readGithub, type GithubAnswer } from '../github/reads.ts'
import { later, refused } from '../kernel/foreign.ts'
import type { AppName, Commit } from '../kernel/id.ts'
import { succeed } from '../kernel/result.ts'
import { Retryable, unlessRetryable } from '../kernel/retryable.ts'
import {
  GithubDeployment,
  GithubStatus,
  hasReached,
  toDeployment,
  toState,
  toStatus,
  toTask,
} from './github-deployment.ts'
import type { ToPageUrl } from './page-url.ts'
import { mostMilliseconds, noticeSent, type Reporter } from './reporter.ts'

const listDeployments = (
  ask: Ask,
  query: Readonly<Record<string, string>>,
): GithubAnswer<readonly GithubDeployment[]> => {
  const path = `/deployments?${new URLSearchParams(query).toString()}`
  return readGithub(ask, z.array(GithubDeployment), { method: 'GET', path })
}

const listStatuses = (ask: Ask, id: number): GithubAnswer<readonly GithubStatus[]> => {
  const path = `/deployments/${id}/statuses?per_page=100`
  return readGithub(ask, z.array(GithubStatus), { method: 'GET', path })
}

/** The id of GitHub's deployment for this app, generation and digest, which is created where there is none. */
const findOrCreate = async (
  ask: Ask,
  app: App,
  notice: Notice,
  deployment: NoticeDeployment & { readonly commit: Commit },
): GithubAnswer<number> => {
  const { commit, environment, generation, digest } = deployment
  const query = { sha: commit, environment, task: toTask(app.name), per_page: '100' }
  const listed = await listDeployments(ask, query)
  if (!listed.ok) return listed
  const found = listed.value.find(
    ({ payload }) =>
      payload?.app === app.name && payload.generation === generation && payload.digest === digest,
  )
  if (found !== undefined) return succeed(found.id)
  // A 202 means that GitHub merged instead; its answer has no id.
  const created = await readGithub(ask, z.object({ id: z.number().int() }), {
    method: 'POST',
    path: '/deployments',
    body: toDeployment(app, notice, deployment, commit),
  })
  return created.ok ? succeed(created.value.id) : created
}

type OwnDeployment = GithubDeployment & {
  readonly payload: NonNullable<GithubDeployment['payload']>
}

/** The app's deployments whose state is `success`, newest first. */
const listSuccessful = async (
  ask: Ask,
  app: App,
  environment: string,
): GithubAnswer<readonly OwnDeployment[]> => {
  // Each costs a request; eleven are enough to find the earlier ones that are still `success`.
  const listed = await listDeployments(ask, { environment, task: toTask(app.name), per_page: '11' })
  if (!listed.ok) return listed
  const own = listed.value.flatMap(({ id, payload }) =>
    payload?.app === app.name ? [{ id, payload }] : [],
  )
  const successful: OwnDeployment[] = []
  const statuses = await Promise.all(own.map(({ id }) => listStatuses(ask, id)))
  for (const [index, one] of own.entries()) {
    const known = statuses[index]
    if (known?.ok === false) return known
    // GitHub promises no order of the list; ids increase.
    const newest = known?.value.toSorted((left, right) => right.id - left.id)[0]
    if (newest?.state === 'success') successful.push(one)
  }
  return succeed(successful.sort((one, other) => other.payload.at.localeCompare(one.payload.at)))
}

/**
 * Sets the earlier deployments that are still `success` to inactive, in whatever order notices arrive, and
 * the one that a rollback rolls back to failure.
 */
const endEarlier = async (
  ask: Ask,
  app: App,
  { environment, generation, takesBack }: NoticeDeployment,
): GithubAnswer<null> => {
  const successful = await listSuccessful(ask, app, environment)
  if (!successful.ok) return successful
  const [newest, ...earlier] = successful.value
  const live = newest?.payload.generation ?? generation
  for (const { id, payload } of earlier) {
    const isRolledBack = live === generation && payload.generation === takesBack
    const ended = await ask({
      method: 'POST',
      path: `/deployments/${id}/statuses`,
      body: {
        state: isRolledBack ? 'failure' : 'inactive',
        description: isRolledBack
          ? `Rolled back by rollback ${live}`
          : `Deployment ${live} is live`,
        auto_inactive: false,
      },
    })
    if (!ended.ok) return ended
  }
  return succeed(null)
}

/**
 * Reports to GitHub Deployments. It looks up a generation's deployment before it creates one, and reads the
 * statuses before it adds one, so that a repeated notice changes nothing.
 *
 * @param toPageUrl the deployment's page; everyone with access to the repository can see its address
 */
export const createGithubReporter =
  (
    open: OpenGithub,
    loadRepository: (app: AppName) => Promise<KnownRepository | null>,
    toPageUrl: ToPageUrl,
  ): Reporter =>
  async (notice, app) => {
    const { deployment } = notice
    const state = toState(notice)
    if (state === null || deployment === null) return noticeSent
    const { reports } = app
    const { commit } = deployment
    const known = await loadRepository(app.name).catch(unlessRetryable)
    if (known instanceof Retryable) return later(known.message)
    const repository = nameAtGithub(app, known)
    if (reports.github === null || repository === null)
      return refused(`${app.name} has no reports.github or no repository in landfall.yml`)
    if (commit === null)
      return refused('the image has no commit, which a deployment at GitHub requires')
    const ask = open(reports.github, repository, mostMilliseconds)
    const found = await findOrCreate(ask, app, notice, { ...deployment, commit })
    if (!found.ok) return found.error
    const statuses = await listStatuses(ask, found.value)
    if (!statuses.ok) return statuses.error
    if (!hasReached(statuses.value, state)) {
      const body = toStatus(app, notice, state, toPageUrl(app.name, deployment.generation))
      const path = `/deployments/${found.value}/statuses`
      const added = await ask({ method: 'POST', path, body })
      if (!added.ok) return added.error
    }
    if (state !== 'success') return noticeSent
    const ended = await endEarlier(ask, app, deployment)
    return ended.ok ? noticeSent : ended.error
  }
