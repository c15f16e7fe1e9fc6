import { composeCancel } from '../src/compose/cancel.ts'

export const handler = composeCancel()
