import type { AppName } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Head } from '../deployment/head.ts'
import { findOperation, type OperatorWord } from '../deployment/operate.ts'
import { transition } from '../deployment/transition.ts'
import type { Chronicle, OperationDetail } from './journal.ts'
import { updateHead, type Decide, type UpdatePorts } from './update.ts'

interface OperatePorts extends UpdatePorts {
  readonly chronicle: Pick<Chronicle, 'recordOperation'>
}

export interface OperatorOrder {
  readonly app: AppName
  readonly word: OperatorWord
  readonly by: string
  /** The same id once more is the same order. */
  readonly id: string
}

/** The head as the order left it, and whether it was heard before. */
export interface Operated {
  readonly head: Head
  readonly isRepeated: boolean
}

const decide =
  ({ word, by, id }: OperatorOrder): Decide<Result<Operated, Reason>> =>
  (head, now) => {
    const isRepeated = findOperation(head, id) !== null
    const step = transition(head, { kind: 'operated', word, by, id }, now)
    const [refusal] = step.actions.flatMap((one) => (one.kind === 'refuse' ? [one.reason] : []))
    const value = refusal === undefined ? succeed({ head: step.head, isRepeated }) : fail(refusal)
    return { step, value }
  }

const toDetail = (word: OperatorWord): OperationDetail => {
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
    const updated = await updateHead(ports, order.app, decide(order))
    if (updated.kind === 'conflict') return fail('journal_unavailable')
    const operated = updated.value
    const done = operated.ok ? findOperation(operated.value.head, order.id) : null
    if (done !== null) await ports.chronicle.recordOperation(order.app, done, toDetail(order.word))
    return operated
  }
