import type { App } from '../deployment/app.ts'
import type { Notice, NoticeDeployment } from '../deployment/notice.ts'
import type { OpenGithub } from '../github/api.ts'
import { refused } from '../kernel/foreign.ts'
import type { Commit } from '../kernel/id.ts'
import { succeed } from '../kernel/result.ts'
import {
  CreatedDeployment,
  isOf,
  isTold,
  newestState,
  toDeployment,
  toState,
  toStatus,
  toEndedState,
  toTask,
  type GithubDeployment,
} from './github-deployment.ts'
import {
  createRepository,
  listDeployments,
  listStatuses,
  type Failing,
  type Repository,
} from './github-repository.ts'
import { mostMilliseconds, told, type Reporter } from './reporter.ts'

export interface GithubReporterPorts {
  readonly open: OpenGithub
  /** Where a person may read what happened; it stands where everybody who sees the repository sees it. */
  readonly toLogUrl: (app: App, deployment: NoticeDeployment) => string | null
}

/** Enough to find what stood on success before; each costs a request. */
const mostEarlier = 10

/** The deployment of this app and generation: the one that is there, else a new one. */
const findOrCreate = async (
  repository: Repository,
  app: App,
  fact: Notice,
  deployment: NoticeDeployment & { readonly commit: Commit },
): Failing<number> => {
  const { commit, environment } = deployment
  const query = { sha: commit, environment, task: toTask(app.name), per_page: '100' }
  const there = await listDeployments(repository, query)
  if (!there.ok) return there
  const found = there.value.find(isOf(app, deployment))
  if (found !== undefined) return succeed(found.id)
  const body = toDeployment(app, fact, deployment, commit)
  const made = await repository.read(CreatedDeployment, {
    method: 'POST',
    path: '/deployments',
    body,
  })
  return made.ok ? succeed(made.value.id) : made
}

type Standing = GithubDeployment & { readonly payload: NonNullable<GithubDeployment['payload']> }

/** Ours that stand on success, the newest first. */
const listSuccessful = async (
  repository: Repository,
  app: App,
  environment: string,
): Failing<readonly Standing[]> => {
  const query = { environment, task: toTask(app.name), per_page: String(mostEarlier + 1) }
  const all = await listDeployments(repository, query)
  if (!all.ok) return all
  const ours = all.value.flatMap(({ id, payload }) =>
    payload?.app === app.name ? [{ id, payload }] : [],
  )
  const standing: Standing[] = []
  const statuses = await Promise.all(ours.map(({ id }) => listStatuses(repository, id)))
  for (const [index, one] of ours.entries()) {
    const known = statuses[index]
    if (known?.ok === false) return known
    if (known !== undefined && newestState(known.value) === 'success') standing.push(one)
  }
  return succeed(standing.sort((one, other) => other.payload.at.localeCompare(one.payload.at)))
}

/**
 * One is live: the earlier ones that stand on success are set inactive, whichever was told last; the
 * one that a rollback takes back, to failure.
 */
const endEarlier = async (
  repository: Repository,
  app: App,
  { environment, generation, takesBack }: NoticeDeployment,
): Failing<null> => {
  const standing = await listSuccessful(repository, app, environment)
  if (!standing.ok) return standing
  const [live, ...earlier] = standing.value
  for (const { id, payload } of earlier) {
    const isTakenBack = live?.payload.generation === generation && payload.generation === takesBack
    const body = toEndedState(live?.payload.generation ?? generation, isTakenBack)
    const set = await repository.post(`/deployments/${id}/statuses`, body)
    if (!set.ok) return set
  }
  return succeed(null)
}

/**
 * GitHub Deployments. One a generation, found before it is made; its statuses are read before one is
 * added, so that a repeated fact changes nothing.
 */
export const createGithubReporter =
  (ports: GithubReporterPorts): Reporter =>
  async (fact, app) => {
    const { deployment } = fact
    const state = toState(fact)
    if (state === null || deployment === null) return told
    const { reports, repository: name } = app
    const { commit } = deployment
    if (reports.github === null || name === null)
      return refused(`${app.name} has no reports.github or no repository in landfall.yml`)
    if (commit === null)
      return refused('the image names no commit, and a deployment at GitHub is of one')
    const repository = createRepository(ports.open(reports.github, name, mostMilliseconds))
    const found = await findOrCreate(repository, app, fact, { ...deployment, commit })
    if (!found.ok) return found.error
    const statuses = await listStatuses(repository, found.value)
    if (!statuses.ok) return statuses.error
    if (!isTold(statuses.value, state)) {
      const body = toStatus(app, fact, state, ports.toLogUrl(app, deployment))
      const set = await repository.post(`/deployments/${found.value}/statuses`, body)
      if (!set.ok) return set.error
    }
    if (state !== 'success') return told
    const ended = await endEarlier(repository, app, deployment)
    return ended.ok ? told : ended.error
  }
