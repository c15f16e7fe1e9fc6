import { match } from '../delivery/match.ts'
import type { App } from '../deployment/app.ts'
import type { Evidence } from '../deployment/revision.ts'
import { identifyRepository, nameAtGithub, type KnownRepository } from '../deployment/repository.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import { refused } from '../kernel/foreign.ts'
import type { AppName, Commit } from '../kernel/id.ts'
import type { FindEvidence } from '../rollout/ports.ts'
import type { Parsed } from '../sources/source.ts'
import type { OpenGithub } from './api.ts'
import { listPushes, listRuns, readRepository } from './reads.ts'

/** Reads evidence from GitHub's API and applies the rules of deliveries to it. */
export const createFindEvidence = (
  open: OpenGithub,
  loadRepository: (app: AppName) => Promise<KnownRepository | null>,
  clock: Clock,
): FindEvidence => {
  const toEvidence = (app: App, commit: Commit, facts: readonly Parsed[]): readonly Evidence[] =>
    facts
      .map((fact) => match(fact, [app], toInstant(clock())))
      .flatMap((matched) => (matched.ok ? matched.value : []))
      .filter((matched) => matched.revision === commit)
      .map(({ evidence }) => evidence)
  return async (app, commit) => {
    const { branch, reports } = app
    const known = await loadRepository(app.name)
    const name = nameAtGithub(app, known)
    if (name === null || reports.github === null) return { found: [], failure: null }
    const ask = open(reports.github, name, 10_000)
    const sent = await readRepository(ask)
    if (!sent.ok) return { found: [], failure: sent.error }
    if (['other', 'unrelated'].includes(identifyRepository(app, sent.value, known))) {
      const why = `${name} is another repository at GitHub now: its id is ${sent.value.repositoryId}`
      return { found: [], failure: refused(why) }
    }
    const runs = await listRuns(ask, { branch, commit })
    if (!runs.ok) return { found: [], failure: runs.error }
    const pushes = await listPushes(ask, sent.value, branch)
    const own = runs.value.filter(({ repositoryId }) => repositoryId === sent.value.repositoryId)
    const facts = [...(pushes.ok ? pushes.value : []), ...own]
    const failure = pushes.ok ? null : pushes.error
    return { found: toEvidence(app, commit, facts), failure }
  }
}
