import { match } from '../delivery/match.ts'
import type { App } from '../deployment/app.ts'
import type { Evidence } from '../deployment/revision.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import type { Commit } from '../kernel/id.ts'
import type { FindEvidence } from '../rollout/ports.ts'
import type { Parsed } from '../sources/source.ts'
import type { OpenGithub } from './api.ts'
import { listPushes, listRuns } from './reads.ts'

/** Reads evidence from GitHub's API and applies the rules of deliveries to it. */
export const createFindEvidence = (open: OpenGithub, clock: Clock): FindEvidence => {
  const toEvidence = (app: App, commit: Commit, facts: readonly Parsed[]): readonly Evidence[] =>
    facts
      .map((fact) => match(fact, { apps: [app] }, toInstant(clock())))
      .flatMap((matched) => (matched.ok ? matched.value : []))
      .filter((matched) => matched.revision === commit)
      .map(({ evidence }) => evidence)
  return async (app, commit) => {
    const { repository, branch, reports } = app
    if (repository === null || reports.github === null) return { found: [], failure: null }
    const ask = open(reports.github, repository, 10_000)
    const runs = await listRuns(ask, { branch, commit })
    if (!runs.ok) return { found: [], failure: runs.error }
    const pushes = await listPushes(ask, repository, branch)
    const facts = [...(pushes.ok ? pushes.value : []), ...runs.value]
    const failure = pushes.ok ? null : pushes.error
    return { found: toEvidence(app, commit, facts), failure }
  }
}
