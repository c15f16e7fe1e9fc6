import type * as z from 'zod'
import type { AcceptedAnswer, RollbackAnswer } from '../answers/answer.ts'
import { newNonce, type AppName } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import { findOperation, openDeployment, releaseToBringBack } from '../deployment/operate.ts'
import { decide } from '../deployment/transition.ts'
import type { OperatorCommand } from '../deployment/observation.ts'
import type { AuditLog, OperationDetail } from './journal.ts'
import {
  answerForApp,
  nudgeAnyhow,
  refuseOrder,
  repeated,
  type NudgeServices,
  type OperatorInput,
  type Refusal,
} from './operator.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface OperatePorts extends UpdatePorts {
  readonly auditLog: Pick<AuditLog, 'recordOperation'>
}

export interface OperatorOrder {
  readonly app: AppName
  readonly command: OperatorCommand
  readonly by: string
  /** A repeated id is the same order. */
  readonly id: string
}

/** The head after the order, and whether the order is a repetition. */
export interface Operated {
  readonly head: Head
  readonly isRepeated: boolean
}

const toDecideCommand =
  ({ command, by, id }: OperatorOrder): Decide<Result<boolean, Reason>> =>
  (head, now) => {
    const decided = decide(head, { kind: 'operated', command, by, id }, now)
    return decided.ok
      ? { events: decided.value, value: succeed(findOperation(head, id) !== null) }
      : { events: [], value: decided }
  }

const toOperationDetail = (command: OperatorCommand): OperationDetail => {
  switch (command.kind) {
    case 'rollback':
      return { to: command.to }
    case 'freeze':
      return { reason: command.reason }
    case 'cancel':
    case 'unfreeze':
      return {}
  }
}

/** Carries out an operator's command, once for each id. A repeated call records a lost audit entry again. */
export const createOperate =
  (ports: OperatePorts) =>
  async (order: OperatorOrder): Promise<Result<Operated, Reason>> => {
    const updated = await updateHead(ports, order.app, toDecideCommand(order))
    if (updated.kind === 'conflict') return fail('journal_unavailable')
    const { head, value: isRepeated } = updated
    if (!isRepeated.ok) return isRepeated
    const done = findOperation(head, order.id)
    if (done !== null)
      await ports.auditLog.recordOperation(order.app, done, toOperationDetail(order.command))
    return succeed({ head, isRepeated: isRepeated.value })
  }

interface OperateServices extends NudgeServices {
  readonly operate: ReturnType<typeof createOperate>
}

type Shown = Pick<RollbackAnswer, 'takesBack' | 'to'>

/** Answers a function whose command needs the journal only; reconcile does the rest. */
export const answerOperator = <Input extends OperatorInput>(
  schema: z.ZodType<Input>,
  given: unknown,
  load: () => OperateServices,
  toCommand: (input: Input) => OperatorCommand,
  reason: Reason,
  show: (head: Head) => Shown = () => ({}),
): Promise<(AcceptedAnswer & Shown) | Refusal> =>
  answerForApp(schema, given, load, async ({ name: app }, input, services) => {
    const { by, requestId: id = newNonce() } = input
    const operated = await services.operate({ app, command: toCommand(input), by, id })
    if (!operated.ok) return refuseOrder(operated.error)
    await nudgeAnyhow(services, app)
    const { head, isRepeated } = operated.value
    const accepted = { outcome: 'accepted', reason, app } as const
    return isRepeated
      ? { ...accepted, message: repeated }
      : { ...accepted, ...show(head), message: reasons[reason] }
  })

/** The deployment that a rollback takes back, and the release that it brings back. */
export const showRollback = (head: Head): Shown => {
  const aim = openDeployment(head) === null ? releaseToBringBack(head) : liveRelease(head)
  return {
    takesBack: head.rollback?.generation ?? null,
    to:
      aim === null ? null : { generation: aim.generation, commit: aim.commit, digest: aim.digest },
  }
}
