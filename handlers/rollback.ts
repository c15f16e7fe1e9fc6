import * as z from 'zod'
import { composeOperate } from '../src/compose-operate.ts'
import { Commit, Digest, Generation } from '../src/kernel/id.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator, showRollback } from '../src/rollout/operate.ts'
import { OperatorInput } from '../src/rollout/operator.ts'

/** `npx sls invoke -f rollback -d '{"app":"shop"}'`; `to` is a deployment's number, a commit or a digest. */
const RollbackEvent = OperatorInput.extend({
  to: z
    .union([Generation, Commit, Digest], {
      error: "the number of a deployment, a full commit or a digest, of status' `releases`",
    })
    .optional(),
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
