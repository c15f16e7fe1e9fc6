import { composeOperate } from '../src/compose-operate.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator } from '../src/rollout/operate.ts'
import { OperatorInput } from '../src/rollout/operator.ts'

const compose = composeOperate('unfreeze')

/** `npx sls invoke -f unfreeze -d '{"app":"shop"}'` */
export const handler = lambda('unfreeze', compose, (services, input) =>
  answerOperator(OperatorInput, input, services, () => ({ kind: 'unfreeze' }), 'unfrozen'),
)
