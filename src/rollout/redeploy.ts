import type * as z from 'zod'
import type { RedeployAnswer } from '../answers/answer.ts'
import { newNonce, type AppName, type Generation, type RevisionId } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from '../deployment/app.ts'
import { isCiGreen } from '../deployment/choose.ts'
import { firstBlocker } from '../deployment/blockers.ts'
import { liveRelease, type Head, type Promoted } from '../deployment/head.ts'
import { findOperation, openDeployment } from '../deployment/operate.ts'
import { namesOf } from '../deployment/quarantine.ts'
import { decide } from '../deployment/transition.ts'
import type { AuditLog, Revisions } from './journal.ts'
import {
  answerForApp,
  findApp,
  nudgeAnyhow,
  refuseOrder,
  repeated,
  type NudgeServices,
  type OperatorInput,
  type Refusal,
} from './operator.ts'
import { findPromotion, type RedeployRefusal, type WantedRelease } from './promotion.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface RedeployPorts extends UpdatePorts {
  readonly revisions: Revisions
  readonly auditLog: Pick<AuditLog, 'recordOperation'>
}

export interface RedeployRequest {
  readonly app: App
  /** A commit or a digest; null deploys the live digest again with today's settings and secrets. */
  readonly revision: RevisionId | null
  /** The app whose live digest is deployed, with this app's settings and secrets; `revision` is null then. */
  readonly from: AppName | null
  /** Deploys even if the app is frozen, CI is missing or red, or the revision is quarantined. */
  readonly force: boolean
  readonly by: string
  /** A repeated id is the same request. */
  readonly id: string
}

/** `open`: the open deployment of the same revision; null where a request was recorded. */
export interface Redeployed {
  /** Null where a repeated call does not name it. */
  readonly revision: RevisionId | null
  readonly promoted: Promoted | null
  readonly open: Generation | null
  readonly isRepeated: boolean
}

const findWanted = async (
  { heads }: RedeployPorts,
  head: Head,
  { app, revision, from, force }: RedeployRequest,
): Promise<Result<WantedRelease, RedeployRefusal>> => {
  if (from !== null) return findPromotion(heads, app, from, force)
  const wanted = revision ?? liveRelease(head)?.revision
  return wanted === undefined
    ? fail({ reason: 'nothing_live' })
    : succeed({ revision: wanted, promoted: null })
}

/** The refusals that the journal alone shows; reconcile finds the others when it takes the request up. */
const refusalOf = async (
  { revisions }: RedeployPorts,
  head: Head,
  { app, revision, force }: RedeployRequest,
  { promoted }: WantedRelease,
): Promise<Reason | null> => {
  const content = promoted ?? (revision === null ? null : namesOf(revision))
  const blocker = firstBlocker(head, { kind: 'request', force, content })
  if (blocker !== null || revision === null || force) return blocker
  const known = await revisions.load(app.name, revision)
  return known === null || !isCiGreen(app, known) ? 'ci_missing' : null
}

/** The generation of the open deployment of what is wanted. */
const findOpen = (head: Head, { revision, promoted }: WantedRelease): Generation | null => {
  const deployment = openDeployment(head)
  const isSame =
    deployment?.release.revision === revision &&
    (promoted === null || promoted.digest === deployment.release.digest)
  return isSame ? deployment.generation : null
}

const toDecideRedeploy =
  (ports: RedeployPorts, request: RedeployRequest): Decide<Result<Redeployed, RedeployRefusal>> =>
  async (head, now) => {
    const { revision, force, by, id } = request
    if (findOperation(head, id) !== null)
      return {
        events: [],
        value: succeed({ revision, promoted: null, open: null, isRepeated: true }),
      }
    const found = await findWanted(ports, head, request)
    if (!found.ok) return { events: [], value: found }
    const wanted = found.value
    const open = findOpen(head, wanted)
    const value = succeed({ ...wanted, open, isRepeated: false })
    if (open !== null) return { events: [], value }
    const reason = await refusalOf(ports, head, request, wanted)
    if (reason !== null) return { events: [], value: fail({ reason }) }
    const { promoted } = wanted
    const named = promoted === null ? revision : wanted.revision
    const recorded = { revision: named, promoted, force, by, at: now, refusal: null }
    const decided = decide(head, { kind: 'requested', request: recorded, id }, now)
    return decided.ok
      ? { events: decided.value, value }
      : { events: [], value: fail({ reason: decided.error }) }
  }

/** Records a person's request; reconcile takes it up. A repeated call records a lost audit entry again. */
export const createRedeploy =
  (ports: RedeployPorts) =>
  async (request: RedeployRequest): Promise<Result<Redeployed, RedeployRefusal>> => {
    const updated = await updateHead(ports, request.app.name, toDecideRedeploy(ports, request))
    if (updated.kind === 'conflict') return fail({ reason: 'journal_unavailable' })
    if (!updated.value.ok) return updated.value
    const operation = findOperation(updated.head, request.id)
    const { app, revision, from, force } = request
    if (operation !== null)
      await ports.auditLog.recordOperation(app.name, operation, { revision, from, force })
    return updated.value
  }

type RedeployInput = OperatorInput & {
  readonly revision?: RevisionId | undefined
  readonly from?: string | undefined
  readonly force: boolean
}

interface RedeployServices extends NudgeServices {
  readonly redeploy: ReturnType<typeof createRedeploy>
}

const showRedeployed = ({ revision, promoted, open, isRepeated }: Redeployed) => ({
  reason: open === null ? 'requested' : 'deployment_open',
  revision,
  ...(promoted &&
    open === null && {
      promotedFrom: { app: promoted.app, generation: promoted.generation },
    }),
  ...(open !== null && { generation: open }),
  message:
    open !== null
      ? `Deployment #${open} brings this revision out already.`
      : isRepeated
        ? repeated
        : reasons.requested,
})

/** Answers at once; `status` shows the outcome. */
export const answerRedeploy = (
  schema: z.ZodType<RedeployInput>,
  given: unknown,
  load: () => RedeployServices,
): Promise<RedeployAnswer | Refusal> =>
  answerForApp(schema, given, load, async (app, input, services) => {
    const { force, by, revision = null, requestId: id = newNonce() } = input
    const other = input.from === undefined ? null : findApp(services.apps, input.from)
    if (other?.ok === false) return other.error
    const from = other?.value.name ?? null
    const requested = await services.redeploy({ app, revision, from, force, by, id })
    if (!requested.ok) return refuseOrder(requested.error.reason, requested.error.detail)
    await nudgeAnyhow(services, app.name)
    return { outcome: 'accepted', app: app.name, ...showRedeployed(requested.value) }
  })
