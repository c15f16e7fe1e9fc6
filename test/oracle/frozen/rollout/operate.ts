import { toInstant, type Clock } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Head } from '../deployment/head.ts'
import { findOperation, type OperatorWord } from '../deployment/operate.ts'
import { transition } from '../deployment/transition.ts'
import type { Chronicle, Heads, OperationDetail } from './journal.ts'

interface OperatePorts {
  readonly heads: Heads
  readonly chronicle: Pick<Chronicle, 'recordOperation'>
  readonly clock: Clock
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

/** Each loss means that somebody else has written the head: looked at anew, the answer may differ. */
const mostConflicts = 10

const operateOnce = async (
  { heads, clock }: OperatePorts,
  { app, word, by, id }: OperatorOrder,
): Promise<Result<Operated, Reason> | 'conflict'> => {
  const head = await heads.load(app)
  if (findOperation(head, id) !== null) return succeed({ head, isRepeated: true })
  const step = transition(head, { kind: 'operated', word, by, id }, toInstant(clock()))
  const [refusal] = step.actions.flatMap((one) => (one.kind === 'refuse' ? [one.reason] : []))
  if (refusal !== undefined) return fail(refusal)
  const written = await heads.record(step.head, head.version)
  return written === 'conflict' ? 'conflict' : succeed({ head: step.head, isRepeated: false })
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

/** Does what an operator says, once for each id; whoever repeats a call makes a lost note good. */
export const createOperate =
  (ports: OperatePorts) =>
  async (order: OperatorOrder): Promise<Result<Operated, Reason>> => {
    for (let tries = 0; tries < mostConflicts; tries += 1) {
      const operated = await operateOnce(ports, order)
      if (operated === 'conflict') continue
      const done = operated.ok ? findOperation(operated.value.head, order.id) : null
      if (done !== null)
        await ports.chronicle.recordOperation(order.app, done, toDetail(order.word))
      return operated
    }
    return fail('journal_unavailable')
  }
