import { composeHooks } from '../src/compose/hooks.ts'

export const handler = composeHooks()
