import { composeOperate, OperatorInput } from './operate.ts'

/** The handler of `cancel`: `npx sls invoke -f cancel -d '{"app":"shop"}'` */
export const composeCancel = (): ((input: unknown) => Promise<unknown>) =>
  composeOperate('cancel', OperatorInput, () => ({ kind: 'cancel' }), 'requested')
