import { composeOperate, OperatorInput, shortText } from './operate.ts'

/** `npx sls invoke -f freeze -d '{"app":"shop","reason":"exams until Friday"}'` */
const Input = OperatorInput.extend({ reason: shortText(300) })

/** The handler of `freeze`. */
export const composeFreeze = (): ((input: unknown) => Promise<unknown>) =>
  composeOperate('freeze', Input, ({ reason }) => ({ kind: 'freeze', reason }), 'frozen')
