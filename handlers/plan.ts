import { composePlan } from '../src/compose/plan.ts'

export const handler = composePlan()
