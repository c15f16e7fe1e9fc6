import { composeOperate } from '../src/compose-operate.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator, showRollback } from '../src/rollout/operate.ts'
import { OperatorInput, releaseNameSchema } from '../src/rollout/operator.ts'

/** `npx sls invoke -f rollback -d '{"app":"shop"}'`; `to` is a deployment's number, a commit or a digest. */
const RollbackEvent = OperatorInput.extend({
  to: releaseNameSchema.optional(),
})

const compose = composeOperate('rollback')

export const handler = lambda('rollback', compose, (services, input) =>
  answerOperator(
    RollbackEvent,
    input,
    services,
    ({ to = null }) => ({ kind: 'rollback', to }),
    'requested',
    showRollback,
  ),
)
