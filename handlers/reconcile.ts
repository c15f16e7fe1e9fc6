import { composeReconcile } from '../src/compose/reconcile.ts'

export const handler = composeReconcile()
