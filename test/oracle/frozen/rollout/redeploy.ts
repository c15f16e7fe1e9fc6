import { toInstant, type Clock } from '../kernel/clock.ts'
import type { Generation, RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from '../deployment/app.ts'
import { isCiGreen } from '../deployment/choose.ts'
import { hasPendingRequest, liveRelease, type Head } from '../deployment/head.ts'
import { openingObstacle } from '../deployment/open.ts'
import { findOperation } from '../deployment/operate.ts'
import { openDeployment } from '../deployment/take-back.ts'
import { transition } from '../deployment/transition.ts'
import type { Chronicle, Heads, Revisions } from './journal.ts'

interface RedeployPorts {
  readonly heads: Heads
  readonly revisions: Revisions
  readonly chronicle: Pick<Chronicle, 'recordOperation'>
  readonly clock: Clock
}

export interface RedeployRequest {
  readonly app: App
  /** A commit or a digest; without it the live digest goes out again with today's settings and secrets. */
  readonly revision: RevisionId | null
  /** Deploys although the app is frozen, CI is missing or red, or the revision is quarantined. */
  readonly force: boolean
  readonly by: string
  /** The same id once more is the same request. */
  readonly id: string
}

/** `open`: the generation that deploys the same revision already; null where a request was recorded. */
export interface Redeployed {
  readonly revision: RevisionId
  readonly open: Generation | null
  readonly isRepeated: boolean
}

const findOpen = (head: Head, revision: RevisionId): Generation | null => {
  const open = openDeployment(head)
  return open?.release.revision === revision ? open.generation : null
}

/** What the journal alone can say against a request; the rest turns out when reconcile takes it up. */
const obstacleOf = async (
  { revisions }: RedeployPorts,
  head: Head,
  { app, revision, force }: RedeployRequest,
): Promise<Reason | null> => {
  if (hasPendingRequest(head)) return 'request_pending'
  const obstacle = openingObstacle(head, force)
  if (obstacle !== null || revision === null || force) return obstacle
  if (head.quarantine.includes(revision)) return 'quarantined'
  const known = await revisions.load(app.name, revision)
  return known === null || !isCiGreen(app, known) ? 'ci_missing' : null
}

const requestOnce = async (
  ports: RedeployPorts,
  request: RedeployRequest,
): Promise<Result<Redeployed, Reason> | 'conflict'> => {
  const head = await ports.heads.load(request.app.name)
  const revision = request.revision ?? liveRelease(head)?.revision
  if (revision === undefined) return fail('nothing_live')
  if (findOperation(head, request.id) !== null) return note(ports, head, request, revision, true)
  const open = findOpen(head, revision)
  if (open !== null) return succeed({ revision, open, isRepeated: false })
  const obstacle = await obstacleOf(ports, head, request)
  if (obstacle !== null) return fail(obstacle)
  const now = toInstant(ports.clock())
  const { revision: wanted, force, by, id } = request
  const recorded = { revision: wanted, force, by, at: now, refusal: null }
  const step = transition(head, { kind: 'requested', request: recorded, id }, now)
  const written = await ports.heads.record(step.head, head.version)
  return written === 'conflict' ? 'conflict' : note(ports, step.head, request, revision, false)
}

/** What people did stands in the journal by itself; whoever repeats a call makes a lost note good. */
const note = async (
  { chronicle }: RedeployPorts,
  head: Head,
  { app, revision: named, force, id }: RedeployRequest,
  revision: RevisionId,
  isRepeated: boolean,
): Promise<Result<Redeployed, Reason>> => {
  const operation = findOperation(head, id)
  if (operation !== null)
    await chronicle.recordOperation(app.name, operation, { revision: named, force })
  return succeed({ revision, open: null, isRepeated })
}

/** Each loss means that somebody else has written the head: looked at anew, the answer may differ. */
const mostConflicts = 10

/** Records a person's wish to deploy; reconcile takes it up. */
export const createRedeploy =
  (ports: RedeployPorts) =>
  async (request: RedeployRequest): Promise<Result<Redeployed, Reason>> => {
    for (let tries = 0; tries < mostConflicts; tries += 1) {
      const requested = await requestOnce(ports, request)
      if (requested !== 'conflict') return requested
    }
    return fail('journal_unavailable')
  }
