import { later, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail } from '../kernel/result.ts'

/** Why an image, or a part of it, did not get to Heroku. */
export type CarryFailure = ForeignFailure & { readonly reason: Reason }

/** The same may go through later. */
export const carryLater = (reason: Reason, why: string, afterSeconds: number | null = null) =>
  fail({ ...later(why, afterSeconds), reason })

/** It will not go through until a person changes something. */
export const refuseCarry = (reason: Reason, why: string) => fail({ ...refused(why), reason })
