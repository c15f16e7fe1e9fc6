import { toInstant } from '../kernel/clock.ts'
import { Commit, Digest, type Generation, type RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from '../deployment/app.ts'
import { isCiGreen, orderOf } from '../deployment/choose.ts'
import { hasEnded, liveRelease, type Head } from '../deployment/head.ts'
import { openingObstacle, type Opening } from '../deployment/open.ts'
import { transition } from '../deployment/transition.ts'
import { gatherOpening, toTag } from './open-next.ts'
import type { ReconcilePorts } from './ports.ts'

export interface RedeployRequest {
  readonly app: App
  /** A commit or a digest; without it the live digest goes out again with today's settings and secrets. */
  readonly revision: RevisionId | null
  /** Deploys although the app is frozen, CI is missing or red, or the revision is quarantined. */
  readonly force: boolean
  readonly by: string
}

/** What was opened, or was open already with the same revision. */
export interface Redeployed {
  readonly generation: Generation
  readonly revision: RevisionId
  readonly digest: Digest
  readonly alreadyOpen: boolean
}

type Wanted = Parameters<typeof gatherOpening>[2]
type Ports = Omit<ReconcilePorts, 'commands' | 'history' | 'sleep'>

const wantLive = (head: Head, by: string, force: boolean): Result<Wanted, Reason> => {
  const live = liveRelease(head)
  if (live === null) return fail('nothing_live')
  const { revision, commit, digest } = live
  return succeed({ kind: 'redeploy', by, order: null, force, revision, commit, digest })
}

const wantRevision = async (
  ports: Ports,
  head: Head,
  { app, by, force }: RedeployRequest,
  revision: RevisionId,
): Promise<Result<Wanted, Reason>> => {
  const known = await ports.revisions.load(app.name, revision)
  if (!force && head.quarantine.includes(revision)) return fail('quarantined')
  if (!force && (known === null || !isCiGreen(app, known))) return fail('ci_missing')
  const digest = Digest.safeParse(revision)
  const commit = Commit.safeParse(revision)
  const found = digest.success
    ? succeed(digest.data)
    : await ports.findDigest(app, toTag(app, revision))
  if (!found.ok) return fail(found.error)
  return succeed({
    kind: 'redeploy',
    by,
    order: known === null ? null : orderOf(app, known),
    force,
    revision,
    commit: commit.success ? commit.data : (known?.commit ?? null),
    digest: found.value,
  })
}

const openAlready = (head: Head, revision: RevisionId | null): Redeployed | null => {
  const { deployment } = head
  if (deployment === null || hasEnded(deployment)) return null
  const { generation, release } = deployment
  const wanted = revision ?? liveRelease(head)?.revision
  return release.revision === wanted
    ? { generation, revision: release.revision, digest: release.digest, alreadyOpen: true }
    : null
}

const openOnce = async (
  ports: Ports,
  request: RedeployRequest,
): Promise<Result<Redeployed, Reason> | 'conflict'> => {
  const head = await ports.heads.load(request.app.name)
  const same = openAlready(head, request.revision)
  if (same !== null) return succeed(same)
  const obstacle = openingObstacle(head, request.force)
  if (obstacle !== null) return fail(obstacle)
  const wanted =
    request.revision === null
      ? wantLive(head, request.by, request.force)
      : await wantRevision(ports, head, request, request.revision)
  if (!wanted.ok) return wanted
  const opening: Opening = await gatherOpening(ports, request.app, wanted.value)
  const step = transition(head, { kind: 'wanted', opening }, toInstant(ports.clock()))
  if ((await ports.heads.record(step.head, head.version)) === 'conflict') return 'conflict'
  const { revision, digest } = wanted.value
  return succeed({ generation: step.head.generation, revision, digest, alreadyOpen: false })
}

/** Each loss means that somebody else has written the head: looked at anew, the answer may differ. */
const mostConflicts = 10

/** Opens a deployment by a person's word; reconcile carries it out. */
export const createRedeploy =
  (ports: Ports) =>
  async (request: RedeployRequest): Promise<Result<Redeployed, Reason>> => {
    for (let tries = 0; tries < mostConflicts; tries += 1) {
      const opened = await openOnce(ports, request)
      if (opened !== 'conflict') return opened
    }
    return fail('journal_unavailable')
  }
