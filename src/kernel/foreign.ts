/**
 * Why a foreign service did not do what was asked. `later`: the same may go through later, not before
 * `afterSeconds` where that is known. `refused`: it will not, until a person changes something. `why` is
 * for people, names the host and what it answered, and holds no secret.
 */
export type ForeignFailure =
  | { readonly kind: 'later'; readonly why: string; readonly afterSeconds: number | null }
  | { readonly kind: 'refused'; readonly why: string }

export const later = (why: string, afterSeconds: number | null = null): ForeignFailure => ({
  kind: 'later',
  why,
  afterSeconds,
})

export const refused = (why: string): ForeignFailure => ({ kind: 'refused', why })
