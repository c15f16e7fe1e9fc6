/**
 * Why a request to a foreign service failed. `later`: the same request may succeed later, not before
 * `afterSeconds` where that is known. `refused`: it fails until a person changes something. `why` is
 * for people, names the host and its answer, and holds no secret.
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
