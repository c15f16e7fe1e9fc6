import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { freeze } from './alarm.ts'
import { keptOperations, type Head, type Operation, type Request } from './head.ts'
import { cancel, rollBack, type ReleaseName, type Word } from './take-back.ts'

/** What an operator says besides `redeploy`, which reconcile has to look things up for. */
export type OperatorWord =
  | { readonly kind: 'rollback'; readonly to: ReleaseName | null }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'freeze'; readonly reason: string }
  | { readonly kind: 'unfreeze' }

const note = (head: Head, operation: Operation): Head => ({
  ...head,
  operations: [operation, ...head.operations].slice(0, keptOperations),
})

const follow = (head: Head, word: OperatorWord, said: Word): Result<Head, Reason> => {
  switch (word.kind) {
    case 'rollback':
      return rollBack(head, word.to, said)
    case 'cancel':
      return cancel(head, said)
    case 'freeze':
      return succeed(freeze(head, word.reason, said.by, said.at))
    case 'unfreeze':
      return head.freeze === null ? fail('not_frozen') : succeed({ ...head, freeze: null })
  }
}

/** The operation of this id, where it was done before. */
export const findOperation = (head: Head, id: string): Operation | null =>
  head.operations.find((operation) => operation.id === id) ?? null

/** Does what an operator says; a word that was heard before changes nothing. */
export const operate = (
  head: Head,
  word: OperatorWord,
  said: Word,
  id: string,
): Result<Head, Reason> => {
  if (findOperation(head, id) !== null) return succeed(head)
  const followed = follow(head, word, said)
  return followed.ok ? succeed(note(followed.value, { id, kind: word.kind, ...said })) : followed
}

/** Notes the wish to deploy again; reconcile looks up what it needs and takes it up. */
export const request = (head: Head, wish: Request, id: string): Head => {
  if (findOperation(head, id) !== null) return head
  const { by, at } = wish
  return note({ ...head, request: wish }, { id, kind: 'redeploy', by, at })
}
