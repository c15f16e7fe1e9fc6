import type { App } from '../deployment/app.ts'
import { isNamedByCommit } from '../deployment/choose.ts'
import type { CiEvidence, Evidence } from '../deployment/revision.ts'
import { isOfWorkflow } from '../deployment/seen-names.ts'
import type { Instant } from '../kernel/clock.ts'
import { Commit, isSameName, type AppName, type RevisionId } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { type CiRunFacts, type ImageFacts, type Parsed, type PushFacts } from '../sources/source.ts'

/** The evidence of a delivery for one app. */
export interface Match {
  readonly app: AppName
  /** Null where the app's tag contains no commit: only the registry knows which digest the tag names. */
  readonly revision: RevisionId | null
  readonly commit: Commit | null
  readonly evidence: Evidence
}

export type IgnoreReason =
  | 'ping'
  | 'event_ignored'
  | 'repository_unknown'
  | 'not_a_push'
  | 'tag_pushed'
  | 'branch_deleted'
  | 'branch_not_deployed'
  | 'workflow_not_required'
  | 'tag_not_deployed'

type Matched = Result<readonly Match[], IgnoreReason>

/**
 * The apps that a verified delivery is evidence for, at least one, or why there are none.
 *
 * @param apps those whose repository, or whose image, it is of (`find-apps.ts`)
 */
export const match = (parsed: Parsed, apps: readonly App[], receivedAt: Instant): Matched => {
  switch (parsed.kind) {
    case 'ping':
      return fail('ping')
    case 'other':
      return fail('event_ignored')
    case 'push':
      return matchPush(parsed, apps, receivedAt)
    case 'ci_run':
      return matchCiRun(parsed, apps, receivedAt)
    case 'image':
      return matchImage(parsed, apps, receivedAt)
  }
}

/** A wrong clock of a sender must not put a revision ahead of later pushes. */
const notLater = (sentAt: Instant | null, receivedAt: Instant): Instant =>
  sentAt === null || Date.parse(sentAt) > Date.parse(receivedAt) ? receivedAt : sentAt

const matchPush = (push: PushFacts, apps: readonly App[], receivedAt: Instant): Matched => {
  if (apps.length === 0) return fail('repository_unknown')
  const [, branch] = /^refs\/heads\/(.*)$/s.exec(push.ref) ?? []
  if (branch === undefined) return fail('tag_pushed')
  const ofBranch = apps.filter((app) => app.branch === branch)
  if (ofBranch.length === 0) return fail('branch_not_deployed')
  const { commit } = push
  if (commit === null) return fail('branch_deleted')
  const named = ofBranch.filter(isNamedByCommit)
  if (named.length === 0) return fail('event_ignored')
  const pushedAt = notLater(push.pushedAt, receivedAt)
  const evidence = { kind: 'push', pushedAt, origin: push.origin } as const
  return succeed(named.map((app) => ({ app: app.name, revision: commit, commit, evidence })))
}

const matchCiRun = (run: CiRunFacts, apps: readonly App[], receivedAt: Instant): Matched => {
  if (apps.length === 0) return fail('repository_unknown')
  if (!run.isPush) return fail('not_a_push')
  const ofBranch = apps.filter((app) => app.branch === run.branch)
  if (ofBranch.length === 0) return fail('branch_not_deployed')
  const matches = ofBranch.flatMap((app) =>
    requiredWorkflows(app, run).map((workflow): Match => {
      const { commit, ci, runId, runNumber, attempt, conclusion, origin } = run
      const createdAt = notLater(run.createdAt, receivedAt)
      const evidence: CiEvidence = {
        kind: 'ci',
        ci,
        workflow,
        workflowId: run.workflowPath ?? run.projectId,
        runId,
        runNumber,
        attempt,
        createdAt,
        conclusion,
        origin,
      }
      return { app: app.name, revision: commit, commit, evidence }
    }),
  )
  return matches.length === 0 ? fail('workflow_not_required') : succeed(matches)
}

/** The required workflows that this run is of, as `landfall.yml` writes them. */
const requiredWorkflows = (app: App, run: CiRunFacts): readonly string[] =>
  app.requires.flatMap((required) =>
    required.kind === 'ci' && required.ci === run.ci && isOfWorkflow(run, required.workflow)
      ? [required.workflow]
      : [],
  )

const matchImage = (image: ImageFacts, apps: readonly App[], receivedAt: Instant): Matched => {
  const app = apps.find(({ name }) => name === image.app)
  if (app === undefined || !isImageOf(app, image.repository)) return fail('repository_unknown')
  const commit = commitOfTag(app.tag, image.tag)
  if (commit === undefined) return fail('tag_not_deployed')
  const seenAt = notLater(image.pushedAt, receivedAt)
  const evidence = { kind: 'image', tag: image.tag, seenAt, origin: null } as const
  return succeed([{ app: app.name, revision: commit, commit, evidence }])
}

/** `acme/app` is the repository of `acme/app`, `docker.io/acme/app` and `registry.example:5000/acme/app`. */
const isImageOf = (app: App, repository: string): boolean => {
  const [host = '', ...rest] = app.image.split('/')
  const hasHost = rest.length > 0 && (/[.:]/.test(host) || host === 'localhost')
  const path = hasHost ? rest.join('/') : app.image
  return [path, `library/${path}`].some((name) => isSameName(name, repository))
}

/** The commit in the tag; null where the template has none, undefined where the tag does not match. */
const commitOfTag = (template: string, tag: string): Commit | null | undefined => {
  const [before = '', after] = template.split('{commit}')
  if (after === undefined) return tag === template ? null : undefined
  if (!tag.startsWith(before) || !tag.endsWith(after)) return undefined
  return Commit.safeParse(tag.slice(before.length, tag.length - after.length)).data
}
