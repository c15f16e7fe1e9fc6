import { composeOperate } from '../src/compose-operate.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator } from '../src/rollout/operate.ts'
import { OperatorInput } from '../src/rollout/operator.ts'

const compose = composeOperate('cancel')

/** `npx sls invoke -f cancel -d '{"app":"shop"}'` */
export const handler = lambda('cancel', compose, (services, input) =>
  answerOperator(OperatorInput, input, services, () => ({ kind: 'cancel' }), 'requested'),
)
