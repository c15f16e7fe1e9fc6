import { composeRollback } from '../src/compose/rollback.ts'

export const handler = composeRollback()
