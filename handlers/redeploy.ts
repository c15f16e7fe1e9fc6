import { composeRedeploy } from '../src/compose/redeploy.ts'

export const handler = composeRedeploy()
