import type { CiRunFacts, PushFacts } from '../../src/sources/source.ts'
import { commit } from './apps.ts'

const repository = 'acme/oc-lettings'

/** A push to the branch of the app, as a source parses it. */
export const pushFacts = (changes: Partial<PushFacts> = {}): PushFacts => ({
  kind: 'push',
  repository,
  repositoryId: 1,
  ref: 'refs/heads/main',
  commit,
  pushedAt: '2026-11-20T10:00:00.000Z',
  origin: null,
  ...changes,
})

/** A green run after it. */
export const runFacts = (changes: Partial<CiRunFacts> = {}): CiRunFacts => ({
  kind: 'ci_run',
  ci: 'github',
  repository,
  repositoryId: 1,
  branch: 'main',
  commit,
  isPush: true,
  workflow: 'CI',
  workflowPath: '.github/workflows/ci.yml',
  projectId: null,
  runId: '30433642',
  runNumber: 7,
  attempt: 2,
  createdAt: '2026-11-20T10:00:00.000Z',
  conclusion: 'success',
  origin: null,
  ...changes,
})
