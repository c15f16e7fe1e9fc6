import { composeFreeze } from '../src/compose/freeze.ts'

export const handler = composeFreeze()
