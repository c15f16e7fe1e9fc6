import { composeOperate, OperatorInput } from './operate.ts'

/** The handler of `unfreeze`: `npx sls invoke -f unfreeze -d '{"app":"shop"}'` */
export const composeUnfreeze = (): ((input: unknown) => Promise<unknown>) =>
  composeOperate('unfreeze', OperatorInput, () => ({ kind: 'unfreeze' }), 'unfrozen')
