import type { AppName } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Head } from '../deployment/head.ts'
import { findOperation, type OperatorCommand } from '../deployment/operate.ts'
import { decide } from '../deployment/transition.ts'
import type { AuditLog, OperationDetail } from './journal.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface OperatePorts extends UpdatePorts {
  readonly auditLog: Pick<AuditLog, 'recordOperation'>
}

export interface OperatorOrder {
  readonly app: AppName
  readonly word: OperatorCommand
  readonly by: string
  /** The same id once more is the same order. */
  readonly id: string
}

/** The head as the order left it, and whether it was heard before. */
export interface Operated {
  readonly head: Head
  readonly isRepeated: boolean
}

const toDecideCommand =
  ({ word, by, id }: OperatorOrder): Decide<Result<boolean, Reason>> =>
  (head, now) => {
    const decided = decide(head, { kind: 'operated', word, by, id }, now)
    return decided.ok
      ? { events: decided.value, value: succeed(findOperation(head, id) !== null) }
      : { events: [], value: decided }
  }

const toOperationDetail = (word: OperatorCommand): OperationDetail => {
  switch (word.kind) {
    case 'rollback':
      return { to: word.to }
    case 'freeze':
      return { reason: word.reason }
    case 'cancel':
    case 'unfreeze':
      return {}
  }
}

/** Does what an operator says, once for each id; a repeated call makes a lost note good. */
export const createOperate =
  (ports: OperatePorts) =>
  async (order: OperatorOrder): Promise<Result<Operated, Reason>> => {
    const updated = await updateHead(ports, order.app, toDecideCommand(order))
    if (updated.kind === 'conflict') return fail('journal_unavailable')
    const { head, value: isRepeated } = updated
    if (!isRepeated.ok) return isRepeated
    const done = findOperation(head, order.id)
    if (done !== null)
      await ports.auditLog.recordOperation(order.app, done, toOperationDetail(order.word))
    return succeed({ head, isRepeated: isRepeated.value })
  }
