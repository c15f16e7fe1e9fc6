import type * as z from 'zod'
import { newNonce, type Generation, type RevisionId } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from '../deployment/app.ts'
import { isCiGreen } from '../deployment/choose.ts'
import { firstBlocker } from '../deployment/blockers.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import { findOperation, openDeployment } from '../deployment/operate.ts'
import { namesOf } from '../deployment/quarantine.ts'
import { decide } from '../deployment/transition.ts'
import type { AuditLog, Revisions } from './journal.ts'
import {
  answerForApp,
  nudgeAnyhow,
  refuseOrder,
  repeated,
  type NudgeServices,
  type OperatorInput,
} from './operator.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface RedeployPorts extends UpdatePorts {
  readonly revisions: Revisions
  readonly auditLog: Pick<AuditLog, 'recordOperation'>
}

export interface RedeployRequest {
  readonly app: App
  /** A commit or a digest; null deploys the live digest again with today's settings and secrets. */
  readonly revision: RevisionId | null
  /** Deploys even if the app is frozen, CI is missing or red, or the revision is quarantined. */
  readonly force: boolean
  readonly by: string
  /** A repeated id is the same request. */
  readonly id: string
}

/** `open`: the open deployment of the same revision; null where a request was recorded. */
export interface Redeployed {
  readonly revision: RevisionId
  readonly open: Generation | null
  readonly isRepeated: boolean
}

/** The refusals that the journal alone can tell; reconcile finds the others when it takes the request up. */
const refusalOf = async (
  { revisions }: RedeployPorts,
  head: Head,
  { app, revision, force }: RedeployRequest,
): Promise<Reason | null> => {
  const content = revision === null ? null : namesOf(revision)
  const blocker = firstBlocker(head, { kind: 'request', force, content })
  if (blocker !== null || revision === null || force) return blocker
  const known = await revisions.load(app.name, revision)
  return known === null || !isCiGreen(app, known) ? 'ci_missing' : null
}

const toDecideRedeploy =
  (ports: RedeployPorts, request: RedeployRequest): Decide<Result<Redeployed, Reason>> =>
  async (head, now) => {
    const revision = request.revision ?? liveRelease(head)?.revision
    if (revision === undefined) return { events: [], value: fail('nothing_live') }
    const isRepeated = findOperation(head, request.id) !== null
    const deployment = isRepeated ? null : openDeployment(head)
    const open = deployment?.release.revision === revision ? deployment.generation : null
    const value = succeed({ revision, open, isRepeated })
    if (isRepeated || open !== null) return { events: [], value }
    const refusal = await refusalOf(ports, head, request)
    if (refusal !== null) return { events: [], value: fail(refusal) }
    const { revision: wanted, force, by, id } = request
    const recorded = { revision: wanted, force, by, at: now, refusal: null }
    const decided = decide(head, { kind: 'requested', request: recorded, id }, now)
    return decided.ok ? { events: decided.value, value } : { events: [], value: decided }
  }

/** Records a person's request; reconcile takes it up. A repeated call records a lost audit entry again. */
export const createRedeploy =
  (ports: RedeployPorts) =>
  async (request: RedeployRequest): Promise<Result<Redeployed, Reason>> => {
    const updated = await updateHead(ports, request.app.name, toDecideRedeploy(ports, request))
    if (updated.kind === 'conflict') return fail('journal_unavailable')
    if (!updated.value.ok) return updated.value
    const operation = findOperation(updated.head, request.id)
    const { app, revision, force } = request
    if (operation !== null)
      await ports.auditLog.recordOperation(app.name, operation, { revision, force })
    return updated.value
  }

type RedeployInput = OperatorInput & {
  readonly revision?: RevisionId | undefined
  readonly force: boolean
}

interface RedeployServices extends NudgeServices {
  readonly redeploy: ReturnType<typeof createRedeploy>
}

/** Answers at once; `status` shows the outcome. */
export const answerRedeploy = (
  schema: z.ZodType<RedeployInput>,
  given: unknown,
  load: () => RedeployServices,
) =>
  answerForApp(schema, given, load, async (app, input, services) => {
    const { force, by, revision: wanted = null, requestId: id = newNonce() } = input
    const requested = await services.redeploy({ app, revision: wanted, force, by, id })
    if (!requested.ok) return refuseOrder(requested.error)
    await nudgeAnyhow(services, app.name)
    const { revision, open, isRepeated } = requested.value
    const answered = { app: app.name, revision }
    return open === null
      ? {
          outcome: 'accepted',
          reason: 'requested',
          ...answered,
          message: isRepeated ? repeated : reasons.requested,
        }
      : {
          outcome: 'accepted',
          reason: 'deployment_open',
          ...answered,
          generation: open,
          message: `Deployment #${open} brings this revision out already.`,
        }
  })
