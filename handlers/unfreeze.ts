import { composeUnfreeze } from '../src/compose/unfreeze.ts'

export const handler = composeUnfreeze()
