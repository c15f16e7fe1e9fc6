import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { emit, type Draft } from './draft.ts'
import type { Head, Operation, Request } from './head.ts'
import { cancel, rollBack, type ReleaseName, type Word } from './take-back.ts'

/** What an operator says besides `redeploy`, which reconcile has to look things up for. */
export type OperatorWord =
  | { readonly kind: 'rollback'; readonly to: ReleaseName | null }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'freeze'; readonly reason: string }
  | { readonly kind: 'unfreeze' }

const follow = (draft: Draft, word: OperatorWord, said: Word): Result<Draft, Reason> => {
  switch (word.kind) {
    case 'rollback':
      return rollBack(draft, word.to, said)
    case 'cancel':
      return cancel(draft, said)
    case 'freeze': {
      const freeze = { reason: word.reason, ...said }
      return succeed(emit(draft, { kind: 'frozen', freeze, cause: 'person' }))
    }
    case 'unfreeze':
      return draft.head.freeze === null
        ? fail('not_frozen')
        : succeed(emit(draft, { kind: 'unfrozen', by: said.by }))
  }
}

/** The operation of this id, where it was done before. */
export const findOperation = (head: Head, id: string): Operation | null =>
  head.operations.find((operation) => operation.id === id) ?? null

/** Does what an operator says; a word that was heard before changes nothing. */
export const operate = (
  draft: Draft,
  word: OperatorWord,
  said: Word,
  id: string,
): Result<Draft, Reason> => {
  if (findOperation(draft.head, id) !== null) return succeed(draft)
  const followed = follow(draft, word, said)
  if (!followed.ok) return followed
  const operation = { id, kind: word.kind, ...said }
  return succeed(emit(followed.value, { kind: 'operation_recorded', operation }))
}

/** Notes the wish to deploy again; reconcile looks up what it needs and takes it up. */
export const request = (draft: Draft, wish: Request, id: string): Draft => {
  if (findOperation(draft.head, id) !== null) return draft
  const { by, at } = wish
  return emit(
    draft,
    { kind: 'redeploy_requested', request: wish },
    { kind: 'operation_recorded', operation: { id, kind: 'redeploy', by, at } },
  )
}
