import { composeStatus } from '../src/compose/status.ts'

export const handler = composeStatus()
