import { reasons, type Reason } from '../../src/kernel/reason.ts'

export const isKnownReason = (code: string): code is Reason => Object.hasOwn(reasons, code)

/** The sentence of a reason; a newer stage may know others. */
export const sentenceOf = (code: string): string => (isKnownReason(code) ? reasons[code] : code)
